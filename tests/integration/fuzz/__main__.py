"""`bench/fuzz SEED`: all of it, on both databases, and a page of what came of it."""

import argparse
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from bench import postgres

from tests.integration.fuzz.campaign import Campaign, Outcome
from tests.integration.fuzz.generated import Generated
from tests.interop.served import serve

SHOWN = 50  # findings


def main() -> int:
    """Run; the exit code is 1 when there is a finding."""
    options = _options()
    outcomes: dict[str, Outcome] = {}
    generated = Generated(options.cases, options.seed)
    for name in options.database or ("SQLite", "PostgreSQL"):
        with tempfile.TemporaryDirectory(prefix="headrace-fuzz-") as directory:
            home = Path(directory)
            with _database(name, home) as url, serve(home / "server", url) as served:
                say = partial(_say, name, time.monotonic())
                campaign = Campaign(served, options.seed, generated, options.every, say)
                outcomes[name] = campaign.run()
    page = write_page(outcomes, options.seed, options.cases, options.every)
    if options.output:
        options.output.write_text(page)
    sys.stdout.write(page)
    return 1 if any(outcome.findings for outcome in outcomes.values()) else 0


def _say(name: str, began: float, what: str) -> None:
    """A line on how far it is."""
    sys.stderr.write(f"{name}, {time.monotonic() - began:.0f} s: {what}\n")
    sys.stderr.flush()


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="bench/fuzz")
    parser.add_argument("seed", type=int, help="what is generated follows from it")
    parser.add_argument("--cases", type=int, default=12, help="generated, of each half")
    parser.add_argument("--every", type=int, default=4, help="one spoilt value of so many is sent")
    parser.add_argument("--database", action="append", choices=["SQLite", "PostgreSQL"])
    parser.add_argument("--output", type=Path, help="file for the page")
    return parser.parse_args()


@contextmanager
def _database(name: str, home: Path) -> Iterator[str]:
    if name == "SQLite":
        yield f"sqlite:///{home / 'headrace.db'}"
        return
    with postgres.running() as installation:
        yield installation.fresh("fuzz")


def write_page(outcomes: dict[str, Outcome], seed: int, cases: int, every: int) -> str:
    """Markdown: what was sent of each kind, what each operation answered, and every finding."""
    lines = [
        "# Fuzz",
        "",
        f"`bench/fuzz {seed} --cases {cases} --every {every}`: requests that must succeed, requests "
        "generated from the document, and garbage, to every operation and WebSocket of a server.",
    ]
    for name, outcome in outcomes.items():
        statuses: Counter[int] = sum(outcome.statuses.values(), Counter())
        lines += [
            "",
            f"## {name}",
            "",
            f"{outcome.sent.total()} sent, {len(outcome.findings)} findings; the server's memory "
            f"afterwards: {outcome.megabytes} MB.",
            "",
            "| kind | sent | seconds |",
            "| --- | ---: | ---: |",
            *(
                f"| {kind} | {n} | {outcome.seconds[kind]:.0f} |"
                for kind, n in outcome.sent.items()
            ),
            "",
            f"Statuses: {_tell(statuses)}.",
            "",
            *(f"    {what[:1000]}" for what in outcome.findings[:SHOWN]),
        ]
    operations = sorted({name for outcome in outcomes.values() for name in outcome.statuses})
    lines += [
        "",
        "## By operation",
        "",
        f"| operation | {' | '.join(outcomes)} |",
        f"| --- |{' --- |' * len(outcomes)}",
    ]
    for operation in operations:
        cells = (_tell(outcome.statuses[operation]) for outcome in outcomes.values())
        lines.append(f"| `{operation}` | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def _tell(statuses: Counter[int]) -> str:
    return ", ".join(f"{status}: {count}" for status, count in sorted(statuses.items()))


if __name__ == "__main__":
    sys.exit(main())
