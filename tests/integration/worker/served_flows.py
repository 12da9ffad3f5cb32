"""Flows that are served or deployed in tests; as a program, serves one."""

import os
import sys
import time
from pathlib import Path

from headrace import flow, task


@task
def add(x: int) -> int:
    return x + 1


@flow(log_prints=True)
def three_steps(n: int = 0, note: str = "") -> int:
    value = add(add(add(n)))
    print(f"the sum is {value}")
    if note:
        Path(note).write_text(f"{value} {os.getpid()}")
    return value


@flow
def sleeper(mark: str) -> None:
    Path(mark).write_text(str(os.getpid()))
    time.sleep(60)


@flow
def breaks() -> None:
    raise ValueError("it broke")


@flow
def waits(go: str, mark: str) -> None:
    """Says that it runs, and ends when it may."""
    print("waiting", flush=True)
    Path(mark).write_text(str(os.getpid()))
    while not Path(go).exists():
        time.sleep(0.05)


@flow
def swallows(megabytes: int) -> int:
    return len(bytearray(os.urandom(2**20)) * megabytes)


if __name__ == "__main__":
    globals()[sys.argv[1]].serve("test", tags=["t"])
