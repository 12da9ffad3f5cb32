"""Flows that `prefect.yaml` beside this file deploys."""

import os
from pathlib import Path
from typing import Any

from prefect import flow, runtime, suspend_flow_run, task
from prefect.deployments import run_deployment
from prefect.input import RunInput


class Form(RunInput):
    size: int


@task
def square(x: int) -> int:
    return x * x


@flow(name="squares", log_prints=True)
def squares(n: int = 3) -> int:
    total = sum(square.map(range(n)).result())
    print(f"pid {os.getpid()}, {runtime.deployment.name}, A={os.environ.get('A')}, total {total}")
    Path(f"squares-{runtime.flow_run.id}").write_text(str(total))
    return total


@flow(name="suspended", persist_result=True)
def suspended() -> int:
    done = square(3)
    answer = suspend_flow_run(wait_for_input=Form, timeout=120)
    Path(f"suspended-{runtime.flow_run.id}").write_text(f"{os.getpid()} {done + answer.size}")
    return done + answer.size


@flow(name="caller")
def caller() -> list[Any]:
    called = run_deployment("squares/squares", parameters={"n": 2}, poll_interval=0.5)
    alone = run_deployment("squares/squares", as_subflow=False, timeout=0, tags=["alone"])
    return [called.state.name, str(called.id), str(alone.id)]
