"""Runs that pause in their process, and what people enter."""

import threading
import time
from uuid import UUID

import pydantic
import pytest

from headrace import flow, pause_flow_run, resume_flow_run, suspend_flow_run, task
from headrace.errors import (
    ConfigurationError,
    FlowPauseTimeout,
    MissingContextError,
    NotPausedError,
    PausedRun,
    ValidationFailed,
)
from headrace.flow_runs import wait_for_flow_run
from headrace.input import RunInput, receive_input, send_input
from headrace.runtime import flow_run as runtime_flow_run
from headrace.states import Paused


class Approval(RunInput):
    ok: bool
    note: str = ""


class Person:
    """Somebody who resumes paused runs, in a thread; what went wrong is raised at `done`."""

    def __init__(self, api):
        self.api = api
        self.failure = None
        self.thread = None

    def resumes(self, *entries):
        self.thread = threading.Thread(target=self._resume, args=(entries,))
        self.thread.start()

    def _resume(self, entries):
        try:
            for entry in entries:
                run = self.await_pause()
                resume_flow_run(UUID(run["id"]), entry)
        except BaseException as error:  # noqa: BLE001
            self.failure = error

    def await_pause(self):
        for _ in range(6000):
            for run in self.api.flow_runs():
                if run["state_name"] == "Paused" and self.api.schema_is_there(run):
                    return run
            time.sleep(0.01)
        raise AssertionError("no run paused")

    def done(self):
        self.thread.join(60)
        if self.failure is not None:
            raise self.failure


@pytest.fixture
def person(api):
    def schema_is_there(run):
        keyset = run["state"]["state_details"]["run_input_keyset"]
        path = f"/flow_runs/{run['id']}/input/{keyset['schema']}" if keyset else "/health"
        return api.server.get(path).status == 200

    api.schema_is_there = schema_is_there
    return Person(api)


def test_a_paused_run_goes_on_with_what_was_entered(api, person):
    """A `RunInput`, a pydantic model's fields, a plain type, and nothing: each comes back typed."""

    class Size(pydantic.BaseModel):
        width: int

    @flow
    def asks():
        return (
            pause_flow_run(Approval, timeout=60),
            pause_flow_run(Size, timeout=60).width,
            pause_flow_run(int, timeout=60),
            pause_flow_run(timeout=60),
        )

    person.resumes({"ok": True}, {"width": 4}, {"value": 5}, None)
    assert asks() == (Approval(ok=True), 4, 5, None)
    person.done()
    assert api.only_run()["state_name"] == "Completed"


async def test_an_async_flow_awaits_its_pause(api, person):
    """`await pause_flow_run(…)` in an async flow."""

    @flow
    async def asks():
        return await pause_flow_run(Approval, timeout=60)

    person.resumes({"ok": False, "note": "no"})
    assert (await asks()).note == "no"
    person.done()


def test_the_form_can_be_filled_in_beforehand(api, person):
    """Initial data become the schema's defaults, and a description lies beside it."""

    @flow
    def asks():
        form = Approval.with_initial_data(description="**Please**", note="as ever")
        return pause_flow_run(form, timeout=60)

    person.resumes({"ok": True})
    assert asks().note == "as ever"
    person.done()
    run = api.only_run()
    described = api.server.get(f"/flow_runs/{run['id']}/input/paused-1-description").json
    schema = api.server.get(f"/flow_runs/{run['id']}/input/paused-1-schema").json
    assert described == "**Please**"
    assert schema["properties"]["note"]["default"] == "as ever"
    assert schema["additionalProperties"] is False


def test_input_that_is_not_what_was_asked_for_is_refused(api, person):
    """The person is told; the run stays paused and takes the next answer."""

    @flow
    def asks():
        return pause_flow_run(Approval, timeout=60).ok

    def answers():
        run = person.await_pause()
        with pytest.raises((ValidationFailed, NotPausedError)):
            resume_flow_run(UUID(run["id"]), {"ok": "perhaps"})
        resume_flow_run(UUID(run["id"]), {"ok": True})

    thread = threading.Thread(target=answers)
    thread.start()
    assert asks() is True
    thread.join(60)


def test_a_pause_that_nobody_ends_fails_the_run(api):
    """After its time-out the run gives up."""

    @flow
    def asks():
        pause_flow_run(timeout=0.3)

    with pytest.raises(FlowPauseTimeout):
        asks()
    assert api.only_run()["state_type"] == "FAILED"


def test_only_a_flow_can_pause(api):
    """Outside of a run, and in a task, pausing is an error that says so."""

    @task
    def pauses():
        pause_flow_run()

    @flow
    def holds():
        pauses()

    with pytest.raises(MissingContextError):
        pause_flow_run()
    with pytest.raises(MissingContextError):
        holds()


def test_a_run_without_a_deployment_cannot_be_suspended(api):
    """Nobody could start its next process."""

    @flow
    def suspends():
        suspend_flow_run()

    with pytest.raises(ConfigurationError, match="Suspended"):
        suspends()


def test_a_run_that_is_not_paused_cannot_be_resumed(api):
    """Resuming says what the run is."""

    @flow
    def works():
        return runtime_flow_run.id

    with pytest.raises(NotPausedError):
        resume_flow_run(UUID(works()))


def test_a_running_flow_receives_what_is_sent(api):
    """Inputs come in the order in which they were sent, each once."""

    @flow
    def hears():
        own = UUID(runtime_flow_run.id)
        send_input(1, own)
        send_input(2, own)
        send_input(Approval(ok=True), own)
        numbers = receive_input(int, timeout=60)
        approval = next(receive_input(Approval, timeout=60))
        return next(numbers), next(numbers), approval.ok, approval.metadata.sender

    first, second, ok, sender = hears()
    assert (first, second, ok) == (1, 2, True)
    assert sender == f"prefect.flow-run.{api.only_run()['id']}"


def test_receiving_ends_when_nothing_comes(api):
    """Without `raise_timeout_error` the iteration just ends."""

    @flow
    def hears():
        return list(receive_input(int, timeout=0.1))

    assert hears() == []


def test_another_process_can_wait_for_a_run(api):
    """`wait_for_flow_run` returns the run when it is over."""

    @flow
    def works():
        return runtime_flow_run.id

    assert wait_for_flow_run(UUID(works()), timeout=60).state_name == "Completed"


def test_a_paused_result_cannot_be_read(api):
    """A state that is paused says so when it is asked for a result."""

    @flow
    def says():
        return Paused()

    with pytest.raises(PausedRun):
        says()
