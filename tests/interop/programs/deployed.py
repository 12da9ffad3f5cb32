"""Flows that are deployed and run elsewhere; each tells a file what it was, where it ran."""

import json
import os
import signal
import sys
import time
from pathlib import Path
from typing import Any

from prefect import flow, get_run_logger, runtime, task
from prefect.flow_runs import suspend_flow_run


def tell(place: str, **more: Any) -> None:
    """Leave a note in a directory, named after the run."""
    told = {
        "pid": os.getpid(),
        "parent": Path(f"/proc/{os.getppid()}/cmdline").read_text().split("\0"),
        "parent_pid": os.getppid(),
        "name": runtime.flow_run.name,
        "deployment": runtime.deployment.name,
        "GREETING": os.environ.get("GREETING"),
        **more,
    }
    path = Path(place) / f"{runtime.flow_run.id}.json"
    path.with_suffix(".new").write_text(json.dumps(told))
    path.with_suffix(".new").rename(path)


@task
def part(x: int) -> int:
    return x + 1


@flow(log_prints=True)
def steps(place: str, n: int = 3) -> int:
    get_run_logger().info("working on %d", n)
    print("printed", n)
    total = sum(part.map(range(n)).result())
    tell(place, total=total)
    return total


@flow
def failing(place: str) -> None:
    tell(place)
    raise ValueError("on purpose")


@flow
def killed(place: str) -> None:
    print("my last words", flush=True)
    tell(place)
    os.kill(os.getpid(), signal.SIGKILL)


def note_cancellation(flow: Any, flow_run: Any, state: Any) -> None:
    path = Path(flow_run.parameters["place"]) / f"{flow_run.id}.cancelled"
    path.write_text(state.name)


@flow(on_cancellation=[note_cancellation])
def long(place: str) -> None:
    tell(place)
    time.sleep(120)


@flow
def suspending(place: str) -> int:
    given = suspend_flow_run(wait_for_input=int, timeout=300)
    tell(place, given=given)
    return given


if __name__ == "__main__":
    pool, names = sys.argv[1], sys.argv[2:]
    for name in names:
        flow.from_source(str(Path(__file__).parent), f"deployed.py:{name}").deploy(
            pool, work_pool_name=pool, print_next_steps=False, ignore_warnings=True
        )
