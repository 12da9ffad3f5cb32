"""Flows and tasks of every sort, called in Python."""

import asyncio
import time
from datetime import timedelta
from typing import Any

import reporting
from prefect import flow, get_run_logger, runtime, tags, task, unmapped
from prefect.cache_policies import INPUTS, NO_CACHE, TASK_SOURCE
from prefect.context import get_run_context
from prefect.settings import PREFECT_FLOWS_HEARTBEAT_FREQUENCY, temporary_settings
from prefect.states import Completed, Failed
from prefect.task_runners import ThreadPoolTaskRunner
from prefect.transactions import transaction

RAN: dict[str, int] = {}
HOOKS: list[str] = []


def count(name: str) -> int:
    RAN[name] = RAN.get(name, 0) + 1
    return RAN[name]


@task
def add(x: int, y: int = 1) -> int:
    return x + y


@task(tags=["numbers"], task_run_name="double-{x}")
def double(x: int) -> int:
    return add(x, x)  # a task in a task


@flow(name="mapped", log_prints=True, task_runner=ThreadPoolTaskRunner(max_workers=4))
def mapped(n: int = 5) -> int:
    get_run_logger().warning("from the logger")
    print("printed")
    ones = add.map(range(n), unmapped(1))
    with tags("batch"):
        doubled = double.map(ones)
    return sum(doubled.result())


@task(retries=2, retry_delay_seconds=0.1)
def flaky() -> str:
    if count("flaky") < 3:
        raise ValueError("not yet")
    return "done"


@flow(name="retried-task")
def retried_task() -> str:
    return flaky()


@flow(name="retried-flow", retries=1, retry_delay_seconds=0)
def retried_flow() -> int:
    kept = add(1, 1)
    if count("retried-flow") < 2:
        raise ValueError("once")
    return kept


@task(cache_policy=INPUTS + TASK_SOURCE, cache_expiration=timedelta(hours=1), persist_result=True)
def cached(x: int) -> int:
    count("cached")
    return x * 10


@flow(name="cached", persist_result=True)
def cached_flow() -> list[int]:
    return [cached(4), cached(4), cached.submit(4).result()]


@task(cache_policy=NO_CACHE)
def failing() -> None:
    raise RuntimeError("on purpose")


@flow(name="failing")
def failing_flow() -> None:
    failing()


@flow(name="returns-states")
def returns_states() -> Any:
    left = failing(return_state=True)
    skipped = add.submit(1, wait_for=[left], return_state=True)
    assert left.is_failed(), left
    return Completed(message=f"after {left.name} and {skipped.name}")


@flow(name="failed-state")
def failed_state() -> Any:
    return Failed(message="it says so")


@task(timeout_seconds=0.3)
def slow_task() -> None:
    time.sleep(5)


@flow(name="slow-task")
def slow_task_flow() -> str:
    return slow_task(return_state=True).name


@flow(name="slow-flow", timeout_seconds=0.3)
async def slow_flow() -> None:
    await asyncio.sleep(5)


@task
async def async_add(x: int) -> int:
    await asyncio.sleep(0)
    return x + 1


@flow(name="async")
async def async_flow() -> int:
    several = await asyncio.gather(*(async_add(i) for i in range(3)))
    future = async_add.submit(10)
    return sum(several) + future.result()


@task
def generating(n: int) -> Any:
    yield from range(n)


@flow(name="generator")
def generator_flow() -> list[int]:
    return list(generating(3))


@flow(name="child", flow_run_name="child-of-{who}")
def child(who: str) -> str:
    return f"{who}: {add(1)}"


@flow(name="async-child")
async def async_child(x: int) -> int:
    return await async_add(x)


@flow(name="parent")
def parent() -> list[Any]:
    return [child("me"), child("you"), asyncio.run(async_child(3))]


def hook(kind: str) -> Any:
    def note(a_flow: Any, run: Any, state: Any) -> None:
        HOOKS.append(f"{kind}:{run.name}:{state.name}")

    return note


@flow(
    name="hooked",
    flow_run_name="hooked",
    on_running=[hook("running")],
    on_completion=[hook("completion")],
    on_failure=[hook("failure")],
)
def hooked(ok: bool) -> None:
    @task(name="t", task_run_name="t", on_completion=[hook("task-completion")])
    def inner() -> None: ...

    inner()
    if not ok:
        raise ValueError("hook me")


@flow(name="undone")
def undone() -> None:
    @task
    def write() -> None:
        count("written")

    @write.on_rollback
    def remove(txn: Any) -> None:
        count("rolled-back")

    with transaction():
        write()
        raise ValueError("roll back")


@flow(name="runtime", flow_run_name="told")
def runtime_flow(x: int = 3) -> dict[str, Any]:
    @task(task_run_name="inside")
    def inside() -> dict[str, Any]:
        return {"task": runtime.task_run.name, "context": get_run_context().task_run.name}

    return {
        "name": runtime.flow_run.name,
        "flow": runtime.flow_run.flow_name,
        "tags": sorted(runtime.flow_run.tags),
        "parameters": runtime.flow_run.parameters,
        "id": runtime.flow_run.id,
        "api": runtime.flow_run.api_url,
        "ui": runtime.flow_run.ui_url,
        **inside(),
    }


def attempt(a_flow: Any, *args: Any) -> dict[str, Any]:
    """Call a flow; how it ended."""
    state = a_flow(*args, return_state=True)
    if asyncio.iscoroutine(state):
        state = asyncio.run(as_awaited(state))
    result = state.result(raise_on_failure=False)
    if asyncio.iscoroutine(result):
        result = asyncio.run(as_awaited(result))
    return {
        "state": state.name,
        "type": state.type.value,
        "message": state.message,
        "run": state.state_details.flow_run_id,
        "result": repr(result) if isinstance(result, BaseException) else result,
    }


async def as_awaited(it: Any) -> Any:
    return await it


FLOWS = [
    mapped,
    retried_task,
    retried_flow,
    cached_flow,
    failing_flow,
    returns_states,
    failed_state,
]
FLOWS += [slow_task_flow, slow_flow, async_flow, generator_flow, parent, undone, runtime_flow]


def main() -> None:
    report: dict[str, Any] = {"heartbeats": attempt(child, "heartbeats")}
    # Stopping its thread of heartbeats takes the client a second a flow.
    with temporary_settings({PREFECT_FLOWS_HEARTBEAT_FREQUENCY: None}):
        report |= {one.name: attempt(one) for one in FLOWS}
        report["hooked"] = attempt(hooked, True)
        report["hooked-failing"] = attempt(hooked, False)
    reporting.write(report | {"hooks": HOOKS, "ran": RAN})


if __name__ == "__main__":
    main()
