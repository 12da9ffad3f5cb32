"""Flows that use the breadth of the client: caching, transactions, hooks, time-outs, futures, nouns.

What came of them on the contract's own server is `tests/interop/breadth.json`:
`REPORT=…/breadth.json PREFECT_API_URL=… python tests/interop/programs/breadth.py`, on a fresh one.
"""

import asyncio
import threading
import time
from collections import Counter
from datetime import timedelta
from typing import Any

import recorded
import reporting
from prefect import allow_failure, flow, get_client, get_run_logger, runtime, tags, task
from prefect.artifacts import (
    create_image_artifact,
    create_link_artifact,
    create_markdown_artifact,
    create_progress_artifact,
    create_table_artifact,
    update_progress_artifact,
)
from prefect.blocks.system import Secret
from prefect.cache_policies import FLOW_PARAMETERS, INPUTS, RUN_ID, TASK_SOURCE
from prefect.concurrency.asyncio import concurrency as async_concurrency
from prefect.concurrency.sync import concurrency, rate_limit
from prefect.context import FlowRunContext, TaskRunContext
from prefect.events import emit_event
from prefect.futures import as_completed, wait
from prefect.settings import PREFECT_FLOWS_HEARTBEAT_FREQUENCY, temporary_settings
from prefect.states import Cancelled, Completed
from prefect.task_runners import ThreadPoolTaskRunner
from prefect.tasks import exponential_backoff
from prefect.transactions import transaction
from prefect.variables import Variable

TOLD: list[str] = []
COUNTS: Counter[str] = Counter()
LONG_SECONDS = 2  # a time-out comes much sooner


@task
def same(x: Any) -> Any:
    return x


@task
def bad(x: Any = None) -> Any:
    raise ValueError(f"bad {x}")


def counted(name: str, **options: Any) -> Any:
    """A task that counts how often it really runs."""

    @task(name=name, persist_result=True, **options)
    def run(x: int, y: int = 0) -> int:
        COUNTS[name] += 1
        return x

    return run


by_inputs = counted("by-inputs", cache_policy=INPUTS)
by_flow = counted("by-flow", cache_policy=TASK_SOURCE + FLOW_PARAMETERS)
by_function = counted("by-function", cache_key_fn=lambda _, given: f"key-{given['x'] % 2}")
expired = counted("expired", cache_policy=INPUTS, cache_expiration=timedelta(seconds=-1))
without_y = counted("without-y", cache_policy=INPUTS - "y")
refreshed = counted("refreshed", cache_policy=RUN_ID + INPUTS, refresh_cache=True)


@flow(name="caching", persist_result=True)
def caching(p: int = 1) -> list[int]:
    found = [by_inputs(1), by_inputs(1), by_inputs(2), by_flow(1), by_flow(2)]
    found += [by_function(x) for x in range(4)]
    found += [expired(1), expired(1), without_y(1, 2), without_y(1, 3), refreshed(1), refreshed(1)]
    return found


@flow(name="stored", persist_result=True, result_serializer="json")
def stored() -> dict[str, Any]:
    return {"a": [1, 2.5, None, "x"]}


@task
def write(name: str) -> None:
    COUNTS[f"write-{name}"] += 1


@write.on_rollback
def undo(_: Any) -> None:
    COUNTS["undo"] += 1


@write.on_commit
def keep(_: Any) -> None:
    COUNTS["commit"] += 1


@flow(name="transacted")
def transacted(fails: bool) -> str:
    with transaction():
        write("one")
        with transaction():
            write("two")
        if fails:
            bad()
    return "kept"


@task
def some(n: int) -> Any:
    yield from range(n)


@task
async def some_async(n: int) -> Any:
    for i in range(n):
        await asyncio.sleep(0)
        yield i


@flow(name="generating")
def generating() -> Any:
    for i in some(3):
        yield i * 2


@flow(name="generating-async")
async def generating_async() -> list[int]:
    return [i async for i in some_async(3)]


@flow(name="futures", task_runner=ThreadPoolTaskRunner(max_workers=4))
def futures() -> list[Any]:
    several = same.map(range(5))
    done = sorted(one.result() for one in as_completed(list(several)))
    finished, left = wait(several)
    failing = bad.submit(1)
    after = same.submit(allow_failure(failing), wait_for=[several[0]])
    skipped = same.submit(2, wait_for=[failing])
    failing.wait()
    skipped.wait()
    kinds = [failing.state.name, type(after.result()).__name__, skipped.state.name]
    return [done, len(finished), len(left), kinds, same.map([{"a": 1}, {"a": 2}]).result()]


@flow(name="many", task_runner=ThreadPoolTaskRunner(max_workers=8))
def many() -> int:
    return sum(same.map(range(200)).result())


def note(kind: str) -> Any:
    def hook(what: Any, run: Any, state: Any) -> None:
        TOLD.append(f"{what.name} {kind} {state.name}")

    return hook


def hooks(*kinds: str) -> dict[str, Any]:
    return {f"on_{kind}": [note(kind)] for kind in kinds}


EVERY = hooks("running", "completion", "failure", "cancellation", "crashed")


@flow(name="hook-completes", **EVERY)
def hook_completes() -> None: ...


@flow(name="hook-fails", **EVERY)
def hook_fails() -> None:
    raise ValueError("fails")


@flow(name="hook-cancelled", **EVERY)
def hook_cancelled() -> Any:
    return Cancelled(message="by itself")


@flow(name="hook-crashes", **EVERY)
def hook_crashes() -> None:
    raise KeyboardInterrupt


@task(**hooks("running", "completion", "failure"))
def hooked(ok: bool) -> None:
    if not ok:
        raise ValueError("not ok")


@flow(name="hooked-tasks")
def hooked_tasks() -> Any:
    hooked(True)
    hooked(False, return_state=True)
    return Completed(message="all hooked", name="Hooked")


@flow(name="returns-many")
def returns_many() -> Any:
    return [same(1, return_state=True), bad(return_state=True), Completed()]


@flow(name="returns-future")
def returns_future() -> Any:
    return bad.submit(5)


@task(timeout_seconds=0.2, retries=1, retry_delay_seconds=0)
def too_slow() -> None:
    time.sleep(LONG_SECONDS)


@task(timeout_seconds=0.2)
async def too_slow_async() -> None:
    await asyncio.sleep(LONG_SECONDS)


@flow(name="timeouts")
def timeouts() -> list[str]:
    return [too_slow(return_state=True).name, too_slow_async.submit(return_state=True).name]


@flow(name="slow", timeout_seconds=0.2)
def slow() -> None:
    time.sleep(LONG_SECONDS)


@task(retries=3, retry_delay_seconds=exponential_backoff(0.05), retry_jitter_factor=0.5)
def jittered() -> int:
    COUNTS["jittered"] += 1
    if COUNTS["jittered"] < 3:
        raise ValueError("again")
    return COUNTS["jittered"]


@task(retries=3, retry_condition_fn=lambda task, run, state: "retry" in state.message)
def picky(word: str) -> None:
    COUNTS[f"picky-{word}"] += 1
    raise ValueError(word)


@task(retries=2, retry_delay_seconds=[0.01, 0.02])
async def listed() -> None:
    COUNTS["listed"] += 1
    if COUNTS["listed"] < 3:
        raise ValueError("again")


@flow(name="retrying", retries=1, retry_delay_seconds=0.05)
def retrying() -> list[Any]:
    COUNTS["retrying"] += 1
    found: list[Any] = [jittered(), picky("retry", return_state=True).name]
    found += [picky("no", return_state=True).name, listed.submit(return_state=True).name]
    if COUNTS["retrying"] < 2:
        raise ValueError("once more")
    return found


@flow(name="leaf", flow_run_name="leaf-{n}-{word}")
def leaf(n: int, word: str = "w") -> int:
    return same(n)


@flow(name="leaf-async")
async def leaf_async(n: int) -> int:
    await asyncio.sleep(0)
    return n


@flow(name="named", flow_run_name=lambda: f"named-{runtime.flow_run.parameters['n']}")
def named(n: int) -> str:
    return runtime.flow_run.name


@flow(name="branch")
def branch(n: int) -> int:
    return leaf(n) + leaf(n + 1, word="x")


@flow(name="bad-leaf")
def bad_leaf() -> None:
    raise ValueError("leaf")


@task
def with_a_leaf(n: int) -> int:
    return leaf(n)


@flow(name="tree")
def tree() -> list[Any]:
    found: list[Any] = [branch(1), named(7), bad_leaf(return_state=True).name]
    threads = [threading.Thread(target=leaf, args=(i,)) for i in range(2)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    return [*found, with_a_leaf.submit(9).result()]


@flow(name="tree-async")
async def tree_async() -> list[int]:
    return await asyncio.gather(*(leaf_async(i) for i in range(3)))


@task
def with_an_artifact() -> None:
    create_markdown_artifact("# in a task")


@flow(name="nouns", log_prints=True)
def nouns() -> list[Any]:
    print("printed")
    get_run_logger().error("logged %s", "so")
    progress = create_progress_artifact(10.0, key="p", description="d")
    update_progress_artifact(progress, 90.0)
    create_link_artifact("https://example.org/x", link_text="x", key="l")
    create_markdown_artifact("# m", key="m")
    create_table_artifact([{"a": 1}, {"a": 2}], key="t")
    create_image_artifact("https://example.org/i.png", key="i")
    with_an_artifact()
    emit_event("breadth.happened", resource={"prefect.resource.id": "breadth.1"})
    Variable.set("breadth", {"a": [1]}, tags=["t"], overwrite=True)
    Secret(value={"deep": "secret"}).save("breadth", overwrite=True)
    with tags("x", "y"):
        same(1)
    return [
        Variable.get("breadth"),
        Variable.get("absent", default=3),
        Secret.load("breadth").get(),
    ]


@flow(name="limited")
def limited() -> str:
    with concurrency("breadth", occupy=2):
        rate_limit("breadth-rate")
    with concurrency("not-there"):
        pass
    with concurrency(["breadth", "breadth-two"], occupy=1):
        pass
    try:
        with concurrency("not-there", strict=True):
            pass
    except Exception as error:  # its class is the outcome  # noqa: BLE001
        return type(error).__name__
    return "no error"


@flow(name="limited-async")
async def limited_async() -> int:
    async with async_concurrency("breadth", occupy=1):
        return 1


@task(task_run_name="{x}-named", tags=["tt"], version="7")
def in_context(x: str) -> list[Any]:
    context = TaskRunContext.get()
    return [context.task_run.name, sorted(context.task_run.tags), runtime.task_run.parameters]


@flow(name="contexts")
def contexts() -> list[Any]:
    context = FlowRunContext.get()
    return [
        context.flow.name,
        context.flow_run.name == runtime.flow_run.name,
        in_context("a"),
        in_context.with_options(name="other", tags=["o"])("b"),
        runtime.flow_run.run_count,
        runtime.deployment.id,
        runtime.flow_run.root_flow_run_id == runtime.flow_run.id,
    ]


@flow(name="validated")
def validated(n: int, of: list[str] | None = None) -> int:
    return n


@flow(name="unvalidated", validate_parameters=False)
def unvalidated(n: int) -> Any:
    return n


async def as_awaited(it: Any) -> Any:
    return await it


def finished(it: Any) -> Any:
    return asyncio.run(as_awaited(it)) if asyncio.iscoroutine(it) else it


class Attempts:
    """Flows that were called: how they ended, and as which run."""

    def __init__(self) -> None:
        self.ends: dict[str, Any] = {}
        self.runs: dict[str, str] = {}

    def __call__(self, a_flow: Any, *args: Any, as_: str = "", **options: Any) -> None:
        name = as_ or a_flow.name
        try:
            state = finished(a_flow(*args, return_state=True, **options))
            result = finished(state.result(raise_on_failure=False))
        except BaseException as error:  # what is raised is the outcome  # noqa: BLE001
            self.ends[name] = f"raises {type(error).__name__}"
            return
        self.ends[name] = [state.name, describe(result)]
        self.runs[name] = str(state.state_details.flow_run_id)


def describe(value: Any) -> Any:
    if isinstance(value, list | tuple):
        return [describe(one) for one in value]
    if isinstance(value, dict):
        return {name: describe(one) for name, one in value.items()}
    return value if isinstance(value, str | int | float | None) else type(value).__name__


FLOWS = (
    *(caching, stored, generating_async, futures, many),
    *(hook_completes, hook_fails, hook_cancelled, hook_crashes, hooked_tasks),
    *(returns_many, returns_future, timeouts, slow, retrying, tree, tree_async),
    *(nouns, limited, limited_async, contexts),
)


def main() -> None:
    with get_client(sync_client=True) as client:
        for name, decay in (("breadth", 0.0), ("breadth-two", 0.0), ("breadth-rate", 10.0)):
            body = {"name": name, "limit": 2, "slot_decay_per_second": decay}
            client.request("POST", "/v2/concurrency_limits/", json=body)
    attempts = Attempts()
    # Stopping its thread of heartbeats takes the client a second a flow.
    with temporary_settings({PREFECT_FLOWS_HEARTBEAT_FREQUENCY: None}):
        for one in FLOWS:
            attempts(one)
        attempts(transacted, False)
        attempts(transacted, True, as_="transacted-fails")
        attempts(validated, "5", of=["a"])
        attempts(validated, "five", as_="invalid")
        attempts(unvalidated, "five")
        generated = list(generating())
    reporting.write(
        {
            "ends": attempts.ends,
            "recorded": recorded.settled(attempts.runs),
            "told": sorted(TOLD),
            "counts": dict(sorted(COUNTS.items())),
            "generated": generated,
        }
    )


if __name__ == "__main__":
    main()
