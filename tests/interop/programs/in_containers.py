"""Flows of the contract's SDK that workers run in pods and containers."""

import os
import time
from pathlib import Path

from prefect import flow, task


@task
def double(number: int) -> int:
    return 2 * number


@flow(log_prints=True)
def doubles(number: int) -> int:
    print(f"doubled in a container: {os.environ.get('GREETING')} {os.environ.get('CODE')}")
    return double(number)


@flow
def sleeps(mark: str) -> None:
    Path(mark).write_text(str(os.getpid()))
    time.sleep(120)
