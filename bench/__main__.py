"""Run the rows: `uv run python -m bench [--rows …] [--sides …] [--repeats N]`."""

import argparse
import sys
import tempfile
import time
from pathlib import Path

from bench import peer, postgres, report
from bench.measure import Context, Figure, Row
from bench.rows import calls, calls_to_server, commands, runs
from bench.sides import Side

ROWS: dict[str, Row] = {
    "commands": commands.run,
    "calls": calls.run,
    "runs": runs.run,
    "sqlite": calls_to_server.run_sqlite,
    "postgresql": calls_to_server.run_postgresql,
}
# What BEST sets is a client's: it changes nothing of what a server does.
OF_SERVERS = ("sqlite", "postgresql")
# What its documentation names for shorter waits: polls once a second.
BEST = {
    "PREFECT_WORKER_QUERY_SECONDS": "1",
    "PREFECT_RUNNER_POLL_FREQUENCY": "1",
    "PREFECT_CLIENT_SERVER_VERSION_CHECK_ENABLED": "false",
}


def main() -> None:
    """Measure and write the page."""
    arguments = _arguments()
    page = Path(arguments.output)
    before = report.read_or_begin(page, add=arguments.add)
    with (
        tempfile.TemporaryDirectory(prefix="headrace-bench-") as name,
        postgres.running() as database,
    ):
        scratch = Path(name)
        peer_python = peer.install(Path(arguments.peer).expanduser())
        sides = [s for s in _sides(scratch, peer_python) if s.name in arguments.sides]
        results: dict[str, list[Figure]] = {}
        for row in arguments.rows:
            for side in sides:
                if row in OF_SERVERS and side.settings:
                    continue
                begin = time.monotonic()
                print(f"{row} on {side.name} …", flush=True)
                context = Context(side, arguments.repeats, scratch, database.fresh)
                results.setdefault(side.name, []).extend(figures := ROWS[row](context))
                for figure in figures:
                    print(
                        f"   {figure.row}: {figure.median:.4g} {figure.unit}, {figure.errors} errors"
                    )
                print(f"   ({time.monotonic() - begin:.0f} s)", flush=True)
            # after each row: what was measured is kept if the rest is broken off
            report.write(page, before, results, sides, arguments.repeats)
        print(f"written: {page}")


def _sides(scratch: Path, peer_python: Path) -> list[Side]:
    own = Path(sys.executable)
    return [
        Side("headrace", "headrace", own, scratch / "headrace"),
        Side("prefect", "prefect", peer_python, scratch / "prefect"),
        Side("prefect-best", "prefect", peer_python, scratch / "prefect-best", BEST),
    ]


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="bench", description=__doc__)
    parser.add_argument("--rows", nargs="+", choices=list(ROWS), default=list(ROWS))
    names = ["headrace", "prefect", "prefect-best"]
    parser.add_argument("--sides", nargs="+", choices=names, default=names)
    parser.add_argument("--repeats", type=int, default=5, help="samples per figure")
    parser.add_argument(
        "--peer", default="~/.cache/headrace-bench/peer", help="the peer's environment"
    )
    parser.add_argument("--output", default="bench/RESULTS.md")
    parser.add_argument("--add", action="store_true", help="keep what stands on the page")
    return parser.parse_args()


if __name__ == "__main__":
    main()
