"""Tasks in flows: results, order, retries, caches, and what the server records of them."""

import asyncio
import threading
import time

import pytest

from headrace import allow_failure, flow, task, unmapped
from headrace.annotations import quote
from headrace.cache_policies import INPUTS, NO_CACHE
from headrace.errors import (
    ConfigurationError,
    MappingLengthMismatch,
    MappingMissingIterable,
    MissingContextError,
    UnfinishedRun,
)
from headrace.futures import Future, as_completed, wait
from headrace.runtime import task_run as runtime_task_run
from headrace.task_runners import ThreadPoolTaskRunner
from headrace.tasks import exponential_backoff


@task
def increment(x):
    return x + 1


@task
def fail(message="no"):
    raise ValueError(message)


def test_tasks_are_recorded_with_their_states(api):
    """Each call is a run of its own, in the flow run, Completed, with its name and tags."""

    @task(name="add", tags=["t"], version="2")
    def add(x, y):
        return x + y

    @flow
    def works():
        return add(add(1, 2), y=3)

    assert works() == 6
    first, second = api.task_runs()
    assert first["flow_run_id"] == api.only_run()["id"]
    assert first["name"].startswith("add-")
    assert first["tags"] == ["t"]
    assert first["run_count"] == 1
    assert api.task_state_names(first["id"]) == ["Pending", "Running", "Completed"]
    assert first["task_key"] == second["task_key"]


def test_futures_and_results_leave_edges(api):
    """The graph knows which task's result another was given, by future or by value."""

    @task
    def make(x):
        return [x]

    @flow
    def works():
        future = make.submit(1)
        make(future)
        made = make(2)
        make(made)
        increment.submit(3, wait_for=[future]).wait()

    works()
    runs = api.task_runs()
    inputs = {run["id"]: run["task_inputs"] for run in runs}
    edges = [
        (name, given[0]["id"])
        for named in inputs.values()
        for name, given in named.items()
        if given
    ]
    assert sorted(name for name, _ in edges) == ["wait_for", "x", "x"]
    assert {upstream for _, upstream in edges} <= set(inputs)


def test_a_failing_task_is_retried_with_its_delays(api):
    """Delays double; the run goes through AwaitingRetry and Retrying and is counted."""
    attempts = []

    @task(retries=2, retry_delay_seconds=exponential_backoff(0.05))
    def flaky():
        attempts.append(time.monotonic())
        if len(attempts) < 3:
            raise ValueError("not yet")
        return runtime_task_run.run_count

    @flow
    def works():
        return flaky()

    assert works() == 3
    assert attempts[1] - attempts[0] >= 0.05
    assert attempts[2] - attempts[1] >= 0.1
    [run] = api.task_runs()
    assert run["run_count"] == 3
    assert api.task_state_names(run["id"]) == [
        "Pending",
        "Running",
        "AwaitingRetry",
        "Retrying",
        "AwaitingRetry",
        "Retrying",
        "Completed",
    ]


def test_a_condition_decides_whether_to_retry(api):
    """A retry that the condition refuses does not happen."""
    attempts = []

    @task(retries=5, retry_condition_fn=lambda task, run, state: False)
    def broken():
        attempts.append(1)
        raise ValueError("broken")

    @flow
    def works():
        broken()

    with pytest.raises(ValueError, match="broken"):
        works()
    assert len(attempts) == 1


def test_an_error_of_a_task_fails_its_flow_unless_it_is_caught(api):
    """The error that comes out of the task is the task's own."""

    @flow
    def catches():
        try:
            fail("mine")
        except ValueError as error:
            return str(error)

    assert catches() == "mine"
    [run] = api.task_runs()
    assert (run["state_name"], run["state"]["message"]) == (
        "Failed",
        "Task run raised ValueError: mine",
    )
    assert api.only_run()["state_name"] == "Completed"


def test_a_task_that_takes_too_long_is_stopped(api):
    """In the flow's thread and in a runner's; the state is TimedOut."""

    @task(timeout_seconds=0.1)
    def slow():
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            time.sleep(0.001)

    @flow
    def works():
        with pytest.raises(TimeoutError):
            slow()
        with pytest.raises(TimeoutError):
            slow.submit().result()

    works()
    assert {run["state_name"] for run in api.task_runs()} == {"TimedOut"}


def test_submitted_tasks_run_at_the_same_time(api):
    """Two tasks that wait for each other both finish."""
    meeting = threading.Barrier(2, timeout=60)

    @task
    def meet():
        return meeting.wait()

    @flow
    def works():
        return sorted(future.result() for future in [meet.submit(), meet.submit()])

    assert works() == [0, 1]


def test_a_runner_keeps_its_number_of_threads(api):
    """With `max_workers=1` submitted tasks run one after the other."""
    running = []
    most = []

    @task
    def counted():
        running.append(1)
        most.append(len(running))
        time.sleep(0.01)
        running.pop()

    @flow(task_runner=ThreadPoolTaskRunner(max_workers=1))
    def works():
        wait([counted.submit() for _ in range(5)])

    works()
    assert max(most) == 1


def test_a_flow_waits_for_what_it_submitted(api):
    """Tasks that nobody waited for finish before the flow does."""
    finished = []

    @task
    def late():
        time.sleep(0.05)
        finished.append(1)

    @flow
    def works():
        late.submit()

    works()
    assert finished == [1]
    assert [run["state_name"] for run in api.task_runs()] == ["Completed"]


def test_map_runs_each_element(api):
    """Sequences are mapped, the rest goes to every run, and a future is mapped over its result."""

    @task
    def add(x, y, z=(1, 2)):
        return x + y + len(z)

    @task
    def numbers():
        return [1, 2]

    @flow
    def works():
        mapped = add.map([1, 2, 3], 10)
        again = add.map(mapped, unmapped([1]) and 5)
        over_future = increment.map(numbers.submit())
        return mapped.result(), again.result(), over_future.result()

    assert works() == ([13, 14, 15], [20, 21, 22], [2, 3])


def test_unmapped_sequences_go_to_every_run(api):
    """`unmapped` keeps a list whole."""

    @task
    def count(x, items):
        return x + len(items)

    @flow
    def works():
        return count.map([1, 2], unmapped([7, 8, 9])).result()

    assert works() == [4, 5]


def test_map_refuses_what_it_cannot_map(api):
    """No sequence, or sequences of different lengths."""

    @flow
    def works():
        with pytest.raises(MappingMissingIterable):
            increment.map(1)
        with pytest.raises(MappingLengthMismatch, match=r"'x': 2, 'y': 3"):
            task(lambda x, y: x).map([1, 2], [1, 2, 3])

    works()


def test_a_task_does_not_start_when_its_upstream_failed(api):
    """It stays NotReady; `allow_failure` lets it run with the error; the flow fails when it says so."""

    @task
    def look(x):
        return type(x).__name__

    @flow
    def works():
        bad = fail.submit()
        blocked = look.submit(bad)
        by_wait = look.submit(1, wait_for=[bad])
        wait([blocked, by_wait])
        with pytest.raises(UnfinishedRun):
            blocked.result()
        return blocked.state.name, by_wait.state.name, look.submit(allow_failure(bad)).result()

    assert works() == ("NotReady", "NotReady", "ValueError")


def test_returned_futures_decide_the_run(api):
    """A flow that returns futures is as good as their runs."""

    @flow
    def works(fails: bool):
        return [increment.submit(1), fail.submit() if fails else increment.submit(2)]

    assert [state.result() for state in works(fails=False)] == [2, 3]
    with pytest.raises(ValueError, match="no"):
        works(fails=True)


def test_futures_inside_of_containers_are_resolved(api):
    """Lists, dicts and tuples in any depth; `quote` keeps its value untouched."""

    @task
    def see(value):
        return value

    @task
    def is_future(values):
        return isinstance(values[0], Future)

    @flow
    def works():
        one = increment.submit(0)
        deep = see({"a": [one, (one, "x")]})
        return deep, is_future(quote([one]))

    assert works() == ({"a": [1, (1, "x")]}, True)


def test_futures_come_as_they_finish(api):
    """`as_completed` gives the quick one first."""
    gate = threading.Event()

    @task
    def slow():
        return gate.wait(60)

    @flow
    def works():
        futures = [slow.submit(), increment.submit(1)]
        seen = []
        for future in as_completed(futures, timeout=60):
            seen.append(futures.index(future))
            gate.set()
        return seen

    assert works() == [1, 0]


async def test_async_tasks_run_in_the_flow_s_event_loop(api):
    """Awaited, gathered, and submitted to threads."""

    @task(retries=1)
    async def double(x):
        await asyncio.sleep(0)
        return 2 * x

    @flow
    async def works():
        gathered = await asyncio.gather(double(1), double(2))
        return gathered, double.submit(3).result(), increment(1)

    assert await works() == ([2, 4], 6, 2)


def test_tasks_run_outside_of_flows(api):
    """A task that is called by itself is recorded; submitting needs a flow."""
    assert increment(1) == 2
    with pytest.raises(MissingContextError):
        increment.submit(1)


def test_tasks_inside_of_tasks_know_their_parent(api):
    """The inner run names the outer one."""

    @task
    def outer():
        return increment(1)

    @flow
    def works():
        return outer()

    assert works() == 2
    runs = {run["name"].split("-")[0]: run for run in api.task_runs()}
    assert runs["increment"]["task_inputs"]["__parents__"][0]["id"] == runs["outer"]["id"]


def test_a_stored_result_is_used_again(api):
    """With a cache policy the second call does not run; NO_CACHE always does."""
    calls = []

    @task(cache_policy=INPUTS)
    def cached(x, debug=False):
        calls.append(x)
        return [x]

    @task(cache_policy=NO_CACHE, persist_result=True)
    def uncached(x):
        calls.append(x)

    @flow
    def works():
        assert cached(1) == cached(1) == [1]
        assert cached(2) == [2]
        assert cached.with_options(refresh_cache=True)(1) == [1]
        assert cached.with_options(cache_policy=INPUTS - "debug")(5, debug=True) == [5]
        assert cached.with_options(cache_policy=INPUTS - "debug")(5, debug=False) == [5]
        uncached(9)
        uncached(9)

    works()
    assert calls == [1, 2, 1, 5, 9, 9]
    assert [run["state_name"] for run in api.task_runs()].count("Cached") == 2


def test_a_cache_without_stored_results_is_refused():
    """The two options contradict each other."""
    with pytest.raises(ConfigurationError):
        task(cache_policy=INPUTS, persist_result=False)(lambda: 1)


def test_names_hooks_and_context_of_a_task(api):
    """Names are templates of the parameters; hooks get task, run and state."""
    seen = []

    def note(hooked, run, state):
        seen.append((hooked.name, run.name, state.name))

    @task(task_run_name="step-{x}", on_running=[note], on_completion=[note], on_failure=[note])
    def step(x):
        if x > 1:
            raise ValueError
        return runtime_task_run.name

    @flow
    def works():
        return step(1), step(2, return_state=True).name

    assert works() == ("step-1", "Failed")
    assert seen == [
        ("step", "step-1", "Running"),
        ("step", "step-1", "Completed"),
        ("step", "step-2", "Running"),
        ("step", "step-2", "Failed"),
    ]


def test_a_sub_flow_is_a_run_of_its_own(api):
    """It is tied to its parent by a task run that stands for it."""

    @flow
    def child(x):
        return increment(x)

    @flow
    def parent():
        return child(1), child(2)

    assert parent() == (2, 3)
    children = [run for run in api.flow_runs() if run["parent_task_run_id"]]
    stand_ins = [run for run in api.task_runs() if run["name"].startswith("child-")]
    assert {run["parent_task_run_id"] for run in children} == {run["id"] for run in stand_ins}
    assert {run["state_name"] for run in stand_ins} == {"Completed"}


def test_a_sub_flow_s_error_reaches_its_parent(api):
    """As any error does."""

    @flow
    def child():
        raise KeyError("inner")

    @flow
    def parent():
        child()

    with pytest.raises(KeyError):
        parent()
    assert {run["state_name"] for run in api.flow_runs()} == {"Failed"}
