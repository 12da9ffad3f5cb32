"""Tasks that run in the background: imported by tests, and a program that serves them."""

import os
import sys
import time
from pathlib import Path

from headrace import task
from headrace.task_worker import serve

NOTES = "HEADRACE_TEST_NOTES"


def note(text: str) -> None:
    with Path(os.environ[NOTES]).open("a") as notes:
        notes.write(f"{text}\n")


@task
def add(x: int, y: int = 1) -> int:
    note(f"add {x} {y}")
    return x + y


@task
async def double(x: int) -> int:
    return 2 * x


@task
def breaks(x: int) -> None:
    raise ValueError(f"not {x}")


@task(retries=1)
def flaky(path: str) -> str:
    if not Path(path).exists():
        Path(path).touch()
        raise OSError("once")
    return "twice"


@task
def lingers(until: str) -> str:
    note("lingers")
    while not Path(until).exists():
        time.sleep(0.01)
    note("lingered")
    return "done"


if __name__ == "__main__":
    serve(add, double, breaks, flaky, lingers, limit=int(sys.argv[1]))
