"""`bench/waterfall SEED`: fifty workers, three queues, both databases; what the history shows."""

import argparse
import sys
import tempfile
import time
from pathlib import Path

from bench import postgres
from bench.queues.history import problems
from bench.queues.scene import POOL_LIMIT, QUEUES, scene

PATIENCE_SECONDS = 600.0


def main() -> None:
    """Play on each database, tell what was found; exit code 1 where a limit or the order was broken."""
    parser = argparse.ArgumentParser(prog="bench/waterfall", description=__doc__)
    parser.add_argument("seed", type=int)
    parser.add_argument("--workers", type=int, default=50)
    parser.add_argument("--runs", type=int, default=500)
    arguments = parser.parse_args()
    wrong = 0
    with (
        tempfile.TemporaryDirectory(prefix="headrace-waterfall-") as name,
        postgres.running() as server,
    ):
        directory = Path(name)
        databases = {"sqlite": str(directory / "crowded.db"), "postgresql": server.fresh("crowded")}
        for dialect, database in databases.items():
            begin = time.monotonic()
            with scene(directory / dialect, database, arguments.workers) as played:
                ready = time.monotonic()
                runs = played.history(
                    played.flood(arguments.seed, arguments.runs), PATIENCE_SECONDS
                )
            found = problems(runs, QUEUES, POOL_LIMIT)
            wrong += len(found)
            print(
                f"{dialect}: {arguments.workers} workers up after {ready - begin:.0f} s, {len(runs)} runs"
                f" in {max(r.end for r in runs) - min(r.due for r in runs):.1f} s, {len(found)} problems"
            )
            for line in found:
                print(f"  {line}")
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
