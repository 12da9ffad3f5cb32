"""Pausing, suspending, resuming and awaiting flow runs."""

import time
from collections.abc import Generator
from typing import Any
from uuid import UUID

from headrace.client.flow_runs import read_flow_run
from headrace.client.flow_runs import resume_flow_run as send_resume
from headrace.context import FlowRunContext, TaskRunContext
from headrace.engine.api import api
from headrace.engine.commands import Command, Request, Sleep
from headrace.engine.drivers import drive, drive_async
from headrace.engine.proposals import AWAY, Run, outlast, propose
from headrace.engine.reporting import flow_logger
from headrace.errors import (
    Abort,
    ConfigurationError,
    FlowPauseTimeout,
    FlowRunWaitTimeout,
    MissingContextError,
    NotPausedError,
    Pause,
)
from headrace.input.keysets import Keyset, keyset_from_base_key
from headrace.input.models import RunInput, run_input_from_type
from headrace.states import FINAL, Paused, State, StateType, Suspended
from headrace.wire.flow_runs import FlowRunResponse, ResumeFlowRunBody
from headrace.wire.orchestration import SetStateStatus

FIRST_POLL = 0.1  # seconds; an approval that is there at once is seen at once
POLL_SHARE = 0.1  # a poll every tenth of the time waited so far: cheap for long waits


def pause_flow_run(
    wait_for_input: Any = None,
    timeout: float = 3600,
    poll_interval: float = 10,
    key: str | None = None,
) -> Any:
    """Pause the flow run that runs here until somebody resumes it; its process stays and waits.

    Args:
        wait_for_input: A type, a pydantic model or a `RunInput`: what the person must enter. It is
            returned.
        timeout: Seconds until the run gives up.
        poll_interval: Seconds between two looks at the server, at most.
        key: Names this pause; by default its number in the run.

    Returns:
        What was entered, or None. In an async flow, something to await.

    Raises:
        FlowPauseTimeout: Nobody resumed the run in time.
        MissingContextError: No flow run is running here, or a task is.
    """
    context = _pausable_run()
    steps = _pause(context, wait_for_input, timeout, poll_interval, _pause_key(context, key))
    return drive_async(steps) if context.flow.isasync else drive(steps)


def suspend_flow_run(
    wait_for_input: Any = None,
    flow_run_id: UUID | None = None,
    timeout: float | None = None,
    key: str | None = None,
) -> Any:
    """Suspend a flow run: its process ends, and when it is resumed a new one runs the flow again.

    Tasks whose results are stored are not run again then; give them `persist_result=True`.

    Args:
        wait_for_input: As for `pause_flow_run`.
        flow_run_id: Another run; by default the one that runs here.
        timeout: Seconds until the suspended run fails; None leaves it to the server.
        key: Names this suspension; by default its number in the run.

    Returns:
        In the process that goes on: what was entered, or None. In an async flow, something to await.

    Raises:
        ConfigurationError: The run cannot be suspended: it has no deployment, or is a sub-flow.
        MissingContextError: No flow run is running here, and none was named.
    """
    context = FlowRunContext.get()
    if flow_run_id is not None and (
        context is None or context.flow_run.id != UUID(str(flow_run_id))
    ):
        return drive(_suspend_other(UUID(str(flow_run_id)), timeout, key))
    context = _pausable_run()
    if context.flow_run.parent_task_run_id is not None:
        message = "A sub-flow cannot be suspended; suspend its parent, or pause the sub-flow."
        raise ConfigurationError(message)
    steps = _suspend(context, wait_for_input, timeout, _pause_key(context, key))
    return drive_async(steps) if context.flow.isasync else drive(steps)


def resume_flow_run(flow_run_id: UUID, run_input: dict[str, Any] | None = None) -> None:
    """Resume a paused or suspended flow run.

    Args:
        flow_run_id: The run.
        run_input: What it waits for, by field.

    Raises:
        NotPausedError: It is not paused.
        ValidationFailed: The input is not what the run asked for.
    """
    body = ResumeFlowRunBody(run_input=run_input)
    answer = send_resume(api(), UUID(str(flow_run_id)), body)
    if answer.status is SetStateStatus.ACCEPT:
        return
    reason = getattr(answer.details, "reason", None) or "the server refused"
    message = f"Flow run {flow_run_id} was not resumed: {reason}."
    raise NotPausedError(message)


def wait_for_flow_run(
    flow_run_id: UUID,
    timeout: float | None = 10800,
    poll_interval: float | None = None,
    log_states: bool = False,
) -> FlowRunResponse:
    """Block until a flow run is over.

    Args:
        flow_run_id: The run.
        timeout: Seconds to wait; None waits for ever.
        poll_interval: Seconds between two looks at the server, at most.
        log_states: Write a line at each change of state.

    Raises:
        FlowRunWaitTimeout: It was not over in time.
    """
    started = time.monotonic()
    seen: Any = None
    while True:
        flow_run = read_flow_run(api(), UUID(str(flow_run_id)))
        if log_states and flow_run.state_id != seen:
            seen = flow_run.state_id
            flow_logger.info("Flow run %s is %s", flow_run.name, flow_run.state_name)
        if flow_run.state_type is not None and StateType(flow_run.state_type) in FINAL:
            return flow_run
        waited = time.monotonic() - started
        if timeout is not None and waited >= timeout:
            message = f"Flow run {flow_run_id} is {flow_run.state_name} after {timeout} seconds."
            raise FlowRunWaitTimeout(message)
        time.sleep(_poll_pause(waited, poll_interval or 10))


def _pausable_run() -> FlowRunContext:
    context = FlowRunContext.get()
    if context is None or TaskRunContext.get() is not None:
        message = "Only a flow run can pause itself. Call this in a flow, and not in a task."
        raise MissingContextError(message)
    return context


def _pause_key(context: FlowRunContext, key: str | None) -> str:
    context.pauses += 1
    return key or str(context.pauses)


def _pause(
    context: FlowRunContext, wanted: Any, timeout: float, poll_interval: float, key: str
) -> Generator[Command, Any, Any]:
    state, asked, keyset = _asking(Paused(timeout_seconds=timeout, pause_key=key), wanted)
    started = time.monotonic()
    flow_logger.info("The run pauses until it is resumed", extra=_ids(context))
    yield from _enter_pause(context, state, asked, keyset)
    while context.flow_run.state_name == state.name:
        waited = time.monotonic() - started
        if waited >= timeout:
            message = f"Nobody resumed run {context.flow_run.name} within {timeout} seconds."
            raise FlowPauseTimeout(message)
        yield Sleep(min(_poll_pause(waited, poll_interval), timeout - waited))
        yield Request(_look, context, timeout)
    if context.epoch is not None:
        # Where its lease ended meanwhile, it goes on in another process: this one's number is refused.
        yield from propose(Run(context.flow_run, context.epoch), state)
    flow_logger.info("The run goes on", extra=_ids(context))
    return (yield from outlast(asked.load, keyset, context.flow_run.id)) if asked else None


def _look(context: FlowRunContext, timeout: float) -> None:
    """Bring the run's state name up to date; a server that is away is asked again later."""
    try:
        told = read_flow_run(api(), context.flow_run.id)
    except AWAY:
        return
    if told.state_type is not None and StateType(told.state_type) in FINAL:
        message = (
            f"Run {told.name} is {told.state_name}: nobody resumed it within {timeout} seconds."
        )
        raise FlowPauseTimeout(message)
    if told.state_type is not None and StateType(told.state_type) is StateType.RUNNING:
        context.flow_run.state_name = told.state_name


def _suspend(
    context: FlowRunContext, wanted: Any, timeout: float | None, key: str
) -> Generator[Command, Any, Any]:
    state, asked, keyset = _asking(Suspended(timeout_seconds=timeout, pause_key=key), wanted)
    entered = yield from _enter_pause(context, state, asked, keyset)
    if entered.type is StateType.PAUSED:
        flow_logger.info("The run is suspended; its process ends", extra=_ids(context))
        message = f"Run {context.flow_run.name} is suspended."
        raise Pause(message, state=entered)
    return (yield from outlast(asked.load, keyset, context.flow_run.id)) if asked else None


def _suspend_other(
    flow_run_id: UUID, timeout: float | None, key: str | None
) -> Generator[Command, Any, None]:
    flow_run = yield Request(read_flow_run, api(), flow_run_id)
    state = Suspended(timeout_seconds=timeout, pause_key=key or "")
    try:
        yield from propose(Run(flow_run), state)
    except Abort as error:
        raise ConfigurationError(str(error)) from error


def _asking(state: State, wanted: Any) -> tuple[State, type[RunInput] | None, Keyset]:
    """A pause that asks for input says under which keys the input is found."""
    details = state.details or {}
    keyset = keyset_from_base_key(f"{state.name.lower()}-{details['pause_key']}")
    if wanted is None:
        return state, None, keyset
    state.details = details | {"run_input_keyset": dict(keyset)}
    return state, run_input_from_type(wanted), keyset


def _enter_pause(
    context: FlowRunContext, state: State, asked: type[RunInput] | None, keyset: Keyset
) -> Generator[Command, Any, State]:
    """Propose the pause. The server answers Running for one that was resumed before."""
    run = Run(context.flow_run, context.epoch)
    try:
        entered = yield from propose(run, state)
    except Abort as error:
        message = f"Run {run.name} cannot become {state.name}: {error}"
        raise ConfigurationError(message) from error
    context.flow_run.state_name = entered.name
    if asked is not None and entered.type is StateType.PAUSED:
        yield from outlast(asked.save, keyset, context.flow_run.id)
    return entered


def _poll_pause(waited: float, longest: float) -> float:
    return min(max(FIRST_POLL, waited * POLL_SHARE), longest)


def _ids(context: FlowRunContext) -> dict[str, Any]:
    return {"flow_run_id": context.flow_run_id, "task_run_id": None}
