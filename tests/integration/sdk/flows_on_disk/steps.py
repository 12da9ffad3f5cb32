"""Flows that a process of their own runs, for `test_execute.py`."""

import asyncio
import sys
import time
from pathlib import Path

from headrace import flow, pause_flow_run, suspend_flow_run, task
from headrace.runtime import deployment
from headrace.runtime import flow_run as runtime_flow_run


def note(text: str) -> None:
    with Path("notes.txt").open("a") as notes:
        notes.write(text + "\n")


def hook(hooked_flow, run, state):
    note(f"hook {state.name}")


class Kept:
    """A class of the flow's file, in a result that another process reads."""

    def __init__(self, value):
        self.value = value


@task(persist_result=True)
def slow_step(value):
    note(f"step {value}")
    return Kept(value)


@flow(retries=0)
def approve(value: int = 2):
    kept = slow_step(value)
    answer = suspend_flow_run(int)
    return note(f"answer {kept.value} {answer}")


@flow
def waits_for_word():
    note("before")
    pause_flow_run(timeout=300)
    note("after")


@flow(retries=1, flow_run_name="try-{value}")
def flaky(value: int = 2):
    slow_step(value)
    note(f"attempt {runtime_flow_run.run_count} of {deployment.name}")
    if runtime_flow_run.run_count == 1:
        raise ValueError("once")


@flow(on_cancellation=[hook], on_crashed=[hook])
def sleeps():
    note("started")
    time.sleep(60)


@flow(on_cancellation=[hook], on_crashed=[hook])
async def sleeps_async():
    note("started")
    await asyncio.sleep(60)


@flow
def exits():
    sys.exit(3)


def plain(value=1):
    note(f"plain {value}")
