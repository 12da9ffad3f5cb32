"""Flows called in Python: their results, and what the server knows of their runs."""

import asyncio
import threading
import time

import pydantic
import pytest

from headrace import flow, tags, task
from headrace.errors import (
    InvalidNameError,
    NotImplementedYet,
    ParameterBindError,
    ParameterTypeError,
)
from headrace.runtime import flow_run as runtime_flow_run
from headrace.settings import temporary_settings
from headrace.states import Cancelled, Completed, Failed, StateType


def test_a_flow_returns_its_result_and_its_run_is_known(api):
    """The run is Completed on the server, with its parameters, tags, name and version."""

    @flow(name="add-up", flow_run_name="add-{x}-to-{y}", version="7")
    def add(x: int, y: int = 2) -> int:
        return x + y

    with tags("nightly"):
        assert add(3) == 5
    run = api.only_run()
    assert run["state_name"] == "Completed"
    assert run["parameters"] == {"x": 3, "y": 2}
    assert run["tags"] == ["nightly"]
    assert run["name"] == "add-3-to-2"
    assert run["flow_version"] == "7"
    assert run["run_count"] == 1
    assert api.state_names(run["id"]) == ["Pending", "Running", "Completed"]


async def test_an_async_flow_is_awaited(api):
    """Several runs of an async flow go on at the same time in one event loop."""

    @flow
    async def double(x: int) -> int:
        await asyncio.sleep(0.01)
        return 2 * x

    assert await asyncio.gather(*(double(x) for x in range(3))) == [0, 2, 4]
    assert {run["state_name"] for run in api.flow_runs()} == {"Completed"}


def test_an_error_is_raised_and_the_run_has_failed(api):
    """The caller gets the error itself; the server its type and message."""

    @flow
    def broken():
        raise ValueError("no rows")

    with pytest.raises(ValueError, match="no rows"):
        broken()
    run = api.only_run()
    assert (run["state_type"], run["state"]["message"]) == (
        "FAILED",
        "Flow run raised ValueError: no rows",
    )


def test_a_state_is_returned_instead_when_asked_for(api):
    """`return_state=True` raises nothing."""

    @flow
    def broken():
        raise ValueError("no rows")

    state = broken(return_state=True)
    assert state.is_failed()
    assert isinstance(state.result(raise_on_failure=False), ValueError)


@pytest.mark.parametrize(
    ("returned", "expected"),
    [
        (Completed(message="fine"), StateType.COMPLETED),
        (Failed(message="bad"), StateType.FAILED),
        (Cancelled(), StateType.CANCELLED),
        ([Completed(), Failed()], StateType.FAILED),
    ],
)
def test_a_returned_state_decides_the_run(api, returned, expected):
    """A flow may say itself how it ended."""

    @flow
    def says():
        return returned

    assert says(return_state=True).type is expected
    assert api.only_run()["state_type"] == expected


def test_a_failed_run_is_retried_and_waits_before(api):
    """The run comes through AwaitingRetry and Retrying; the delay is kept; one run is counted twice."""
    started: list[float] = []

    @flow(retries=2, retry_delay_seconds=0.2)
    def flaky():
        started.append(time.monotonic())
        if len(started) < 2:
            raise ValueError("once")
        return runtime_flow_run.run_count

    assert flaky() == 2
    assert started[1] - started[0] >= 0.2
    run = api.only_run()
    assert run["run_count"] == 2
    assert api.state_names(run["id"]) == [
        "Pending",
        "Running",
        "AwaitingRetry",
        "Retrying",
        "Completed",
    ]


def test_a_run_that_keeps_failing_fails_when_its_retries_are_used_up(api):
    """One retry means two attempts."""
    attempts: list[int] = []

    @flow(retries=1)
    def broken():
        attempts.append(1)
        raise ValueError("always")

    with pytest.raises(ValueError, match="always"):
        broken()
    assert len(attempts) == 2
    assert api.only_run()["state_name"] == "Failed"


def test_a_flow_that_takes_too_long_is_stopped(api):
    """The code is interrupted, though it catches every exception; the state is TimedOut."""
    ended = []

    @flow(timeout_seconds=0.1)
    def slow():
        try:
            time.sleep(30)
        except Exception:  # noqa: BLE001
            ended.append("swallowed")
        ended.append("went on")

    with pytest.raises(TimeoutError):
        slow()
    assert ended == []
    assert api.only_run()["state_name"] == "TimedOut"


async def test_an_async_flow_that_takes_too_long_is_stopped(api):
    """The coroutine is cancelled."""

    @flow(timeout_seconds=0.1)
    async def slow():
        await asyncio.sleep(30)

    with pytest.raises(TimeoutError):
        await slow()
    assert api.only_run()["state_name"] == "TimedOut"


class Order(pydantic.BaseModel):
    size: int


def test_parameters_are_converted_to_their_annotations(api):
    """A pydantic model is made from a mapping; the server keeps what was given as JSON."""

    @flow
    def take(order: Order, count: int):
        return order.size * count

    assert take({"size": 2}, "3") == 6
    assert take(Order(size=4), 1) == 4
    assert [run["parameters"] for run in api.flow_runs()] == [
        {"order": {"size": 2}, "count": "3"},
        {"order": {"size": 4}, "count": 1},
    ]


def test_parameters_that_do_not_fit_fail_the_run(api):
    """The run exists and says which parameter is wrong."""

    @flow
    def take(count: int):
        return count

    with pytest.raises(ParameterTypeError, match="count"):
        take("many")
    run = api.only_run()
    assert run["state_type"] == "FAILED"
    assert "count" in run["state"]["message"]


def test_a_call_that_does_not_fit_makes_no_run(api):
    """A missing argument is an error of the caller's line, as with any function."""

    @flow
    def take(count: int):
        return count

    with pytest.raises(ParameterBindError):
        take()
    assert api.flow_runs() == []


@pytest.mark.parametrize(
    ("interruption", "expected"), [(SystemExit(3), "Crashed"), (KeyboardInterrupt(), "Crashed")]
)
def test_an_interruption_is_reported_and_passed_on(api, interruption, expected):
    """A flow that is stopped from outside is Crashed, and the process goes on stopping."""

    @flow
    def stops():
        raise interruption

    with pytest.raises(type(interruption)):
        stops()
    assert api.only_run()["state_name"] == expected


async def test_a_cancelled_coroutine_is_reported_and_passed_on(api):
    """Cancelling the task that awaits a flow crashes its run."""

    has_started = asyncio.Event()

    @flow
    async def waits():
        has_started.set()
        await asyncio.sleep(30)

    running = asyncio.create_task(waits())
    await has_started.wait()
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert api.only_run()["state_name"] == "Crashed"


def test_hooks_are_called_with_flow_run_and_state(api):
    """Each kind of hook is called once, at its moment; a broken hook changes nothing."""
    seen = []

    def note(hooked_flow, run, state):
        seen.append((hooked_flow.name, str(run.id), state.name))

    def raises(*_):
        raise RuntimeError

    @flow(on_running=[note], on_completion=[raises, note], on_failure=[note])
    def works(fail: bool):
        if fail:
            raise ValueError

    works(fail=False)
    works(fail=True, return_state=True)
    first, second = api.flow_runs()
    assert seen == [
        ("works", first["id"], "Running"),
        ("works", first["id"], "Completed"),
        ("works", second["id"], "Running"),
        ("works", second["id"], "Failed"),
    ]
    assert first["state_name"] == "Completed"


def test_values_without_a_json_form_are_left_out_of_the_parameters(api):
    """A connection can be passed to a flow; the server is told the other parameters."""

    @flow
    def use(connection, day):
        return connection, day

    marker = object()
    assert use(marker, "monday") == (marker, "monday")
    assert api.only_run()["parameters"] == {"day": "monday"}


def test_methods_can_be_flows(api):
    """`self` is bound and is no parameter."""

    class Report:
        size = 3

        @flow
        def build(self, times: int):
            return self.size * times

        @flow
        @staticmethod
        def plain(x):
            return x

        @flow
        @classmethod
        def of_class(cls, x):
            return cls.size + x

    assert Report().build(2) == 6
    assert Report.plain(1) == 1
    assert Report.of_class(1) == 4
    assert api.flow_runs()[0]["parameters"] == {"times": 2}


def test_options_can_be_changed_on_a_copy():
    """`with_options` leaves the flow as it was."""

    @flow(name="first", retries=2)
    def original():
        return 1

    changed = original.with_options(name="second")
    assert (changed.name, changed.retries, original.name) == ("second", 2, "first")
    with pytest.raises(TypeError, match="nmae"):
        original.with_options(nmae="third")


def test_what_is_not_there_yet_is_said():
    """Options that this version cannot honour are refused, not ignored."""

    def numbers():
        yield 1

    with pytest.raises(NotImplementedYet, match="generators"):
        flow(numbers)

    def one():
        return 1

    with pytest.raises(NotImplementedYet, match="result_storage"):
        flow(result_storage="s3/bucket")(one)
    with pytest.raises(InvalidNameError, match="a/b"):
        flow(name="a/b")(one)


def test_a_result_is_stored_where_asked(api):
    """A flow with `persist_result` leaves its result where the state says."""

    @flow(persist_result=True)
    def keep():
        return {"id": 5}

    keep()
    stored = api.only_run()["state"]["data"]
    assert stored["serializer"] == {"type": "pickle"}
    assert stored["storage_key"].startswith("/")


def test_a_run_that_lasts_sends_heartbeats(api):
    """A run that no worker holds says that it is alive, so that its end can be noticed."""

    def heartbeats():
        body = {"filter": {"event": {"name": ["prefect.flow-run.heartbeat"]}}}
        return api.server.post("/events/filter", body).json["events"]

    @flow
    def lasts():
        deadline = time.monotonic() + 60
        while not heartbeats():
            assert time.monotonic() < deadline
            time.sleep(0.05)

    with temporary_settings(flows_heartbeat_frequency=30):
        lasts()
    [heartbeat] = heartbeats()
    assert (
        heartbeat["resource"]["prefect.resource.id"] == f"prefect.flow-run.{api.only_run()['id']}"
    )
    assert [other["prefect.resource.role"] for other in heartbeat["related"]] == ["flow"]


async def test_an_async_flow_waits_for_threads_without_blocking_the_loop(api):
    """While a flow waits for what it submitted, other coroutines go on."""
    gate = threading.Event()

    @task
    def waits():
        assert gate.wait(60)

    @flow
    async def submits():
        waits.submit()

    async def opens():
        await asyncio.sleep(0.05)
        gate.set()

    await asyncio.gather(submits(), opens())
    assert api.only_run()["state_name"] == "Completed"
