"""`python -m headrace.testing.differential SEED`: the whole comparison, and its report."""

import argparse
import sys
import tempfile
from pathlib import Path

from headrace.testing.differential.comparison import compare
from headrace.testing.differential.report import write_report
from headrace.testing.differential.sides import headrace, peer
from headrace.testing.peer import install


def main() -> int:
    """Compare; the exit code is 1 when something differs that is not meant to."""
    options = _options()
    python = options.python or install(options.peer.resolve())
    with tempfile.TemporaryDirectory(prefix="headrace-differential-") as directory:
        home = Path(directory)
        database = options.database or str(home / "headrace.db")
        with headrace(home / "ours", database) as ours, peer(python, home / "peers") as peers:
            findings = compare(
                ours,
                peers,
                options.seed,
                runs=options.runs,
                reads=options.reads,
                transitions=options.transitions,
                progress=_tell,
            )
    report = write_report(findings, "PostgreSQL" if "://" in database else "SQLite")
    if options.output:
        options.output.write_text(report)
    _tell(report)
    return 1 if findings.differences else 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m headrace.testing.differential")
    parser.add_argument("seed", type=int, help="what is loaded and asked follows from it")
    parser.add_argument("--runs", type=int, default=5000, help="flow runs to load")
    parser.add_argument("--reads", type=int, default=2000, help="questions to ask")
    parser.add_argument(
        "--transitions", action="store_true", help="propose further states for the runs"
    )
    parser.add_argument("--database", help="an address of an empty database (default: SQLite)")
    parser.add_argument("--output", type=Path, help="file for the report")
    parser.add_argument(
        "--peer", type=Path, default=Path(".peer"), help="directory of the peer's environment"
    )
    parser.add_argument("--python", type=Path, help="interpreter that has the peer installed")
    return parser.parse_args()


def _tell(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
