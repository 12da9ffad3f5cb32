"""Flows that workers of the contract run: short ones, long ones, ones that die; and those in the way."""

import os
import signal
import sys
import time
from pathlib import Path
from typing import Any

from prefect import flow, runtime

SECONDS = 120  # of a run that is to be cancelled


def tell(what: str) -> None:
    """Leave a note in the directory that the deployment's parameter names."""
    place = Path(runtime.flow_run.parameters["place"])
    path = place / f"{what}-{runtime.flow_run.id}"
    path.with_suffix(".new").write_text(str(os.getpid()))
    path.with_suffix(".new").rename(path)


@flow
def short(place: str) -> int:
    tell("short")
    return 1


@flow
def child(place: str) -> None:
    tell("child")
    time.sleep(SECONDS)


def note(flow: Any, flow_run: Any, state: Any) -> None:
    Path(flow_run.parameters["place"], f"hook-{flow_run.id}").write_text(state.name)


@flow(on_cancellation=[note], on_crashed=[note])
def long(place: str) -> None:
    tell("long")
    time.sleep(SECONDS)


@flow
def nested(place: str) -> None:
    tell("nested")
    child(place)


@flow
def dies(place: str) -> None:
    tell("dies")
    os.kill(os.getpid(), signal.SIGKILL)


if __name__ == "__main__":
    pool, queue, place = sys.argv[1:]
    for name in ("short", "long", "nested", "dies"):
        flow.from_source(str(Path(__file__).parent), f"{Path(__file__).name}:{name}").deploy(
            pool,
            work_pool_name=pool,
            work_queue_name=queue,
            parameters={"place": place},
            print_next_steps=False,
            ignore_warnings=True,
        )
