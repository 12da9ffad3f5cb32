"""How a flow run lives, once it is pending: one generator for sync and async, see `commands`.

Parameters checked → Running → the function → a final state, proposed to the server after every
report has arrived there. The server may answer otherwise: wait, try again, stay paused, stop.
"""

import time
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from datetime import UTC, datetime
from typing import Any, Protocol

from headrace._bindings import HEAVY, load
from headrace.context import FlowRunContext, in_flow_run
from headrace.core.retries import Delays, delay_before
from headrace.engine.commands import Call, Command, Expired, Request
from headrace.engine.heartbeat import heartbeats
from headrace.engine.prints import prints_to_log
from headrace.engine.proposals import Run, propose, stale, wait_until
from headrace.engine.reporting import flow_logger, flush_reports, report_end
from headrace.engine.termination import cancellation_requested, was_terminated
from headrace.engine.validation import validate_parameters
from headrace.errors import (
    Abort,
    HeadraceError,
    ParameterTypeError,
    Pause,
    StaleWrite,
    TerminationSignal,
)
from headrace.futures import resolve_futures_to_states
from headrace.options import first_given
from headrace.results import write_result
from headrace.settings import settings
from headrace.states import (
    State,
    StateType,
    exception_to_crashed_state,
    exception_to_failed_state,
    return_value_to_state,
)

FLUSH_TIMEOUT = 30.0  # seconds a run's end waits for its reports; what is left is spooled
_QUIET: AbstractContextManager[None] = nullcontext()


class RunnableFlow(Protocol):
    """What the engine reads of a `Flow`."""

    fn: Any
    name: str
    version: str | None
    signature: Any
    isasync: bool
    retries: int
    retry_delay_seconds: Delays
    timeout_seconds: float | None
    should_validate_parameters: bool
    log_prints: bool | None
    persist_result: bool | None
    flow_run_name: Any
    task_runner: Any
    on_completion_hooks: Sequence[Any]
    on_failure_hooks: Sequence[Any]
    on_cancellation_hooks: Sequence[Any]
    on_crashed_hooks: Sequence[Any]
    on_running_hooks: Sequence[Any]


def run_flow(
    flow: RunnableFlow, run: Run, parameters: Mapping[str, Any]
) -> Generator[Command, Any, State]:
    """Take a pending run to its end; its last state.

    Args:
        flow: The flow.
        run: Its run.
        parameters: Every parameter by name, not yet checked.

    Raises:
        Abort: The server said to stop.
        BaseException: What interrupted the run from outside; it was reported as Crashed or Cancelled.
    """
    try:
        if flow.should_validate_parameters:
            parameters = validate_parameters(flow.fn, parameters)
    except ParameterTypeError as error:
        return (yield from propose(run, exception_to_failed_state(error)))
    started = yield from propose(run, State(StateType.RUNNING))
    while started.type in (StateType.SCHEDULED, StateType.PENDING):
        yield from wait_until(started)
        started = yield from propose(run, State(StateType.RUNNING))
    if started.type is not StateType.RUNNING:
        return started
    run.flow_run.run_count += 1
    context = _context(flow, run, parameters)
    with heartbeats(run, context.related):
        return (yield from _attempts(flow, run, context))


def _context(flow: RunnableFlow, run: Run, parameters: Mapping[str, Any]) -> FlowRunContext:
    flow_run = run.flow_run
    parent, defaults = FlowRunContext.get(), settings()
    context = FlowRunContext(flow, flow_run, parameters, time.time(), parent)
    context.deployment = run.deployment
    context.log_prints = first_given(
        flow.log_prints, parent.log_prints if parent else defaults.logging_log_prints
    )
    context.persist_result = first_given(
        flow.persist_result,
        parent.persist_result if parent else defaults.results_persist_by_default,
    )
    context.resuming = bool(flow_run.empirical_policy.resuming)
    context.epoch = run.epoch
    context.related = [
        {
            "prefect.resource.id": f"prefect.flow-run.{flow_run.id}",
            "prefect.resource.role": "flow-run",
            "prefect.resource.name": str(flow_run.name),
        },
        {
            "prefect.resource.id": f"prefect.flow.{flow_run.flow_id}",
            "prefect.resource.role": "flow",
            "prefect.resource.name": flow.name,
        },
    ]
    return context


def _attempts(
    flow: RunnableFlow, run: Run, context: FlowRunContext
) -> Generator[Command, Any, State]:
    while True:
        flow_logger.info("Run %s of flow %s starts", run.name, flow.name, extra=run.ids)
        try:
            state = yield from _attempt(flow, run, context)
        except Abort:
            flow_logger.warning("Run %s was told to stop", run.name, extra=run.ids)
            raise
        except BaseException as error:
            yield from _interrupted(flow, run, error)
            raise
        if state.type is StateType.PAUSED:
            return state
        final = yield from _end(run, state, flow.retries)
        if final.type is not StateType.SCHEDULED:
            yield from _after(flow, run, final)
            return final
        yield from _wait_for_retry(flow, run, final, state)
        restarted = yield from propose(run, State(StateType.RUNNING, "Retrying"))
        if restarted.type is not StateType.RUNNING:
            return restarted
        run.flow_run.run_count += 1
        context = _context(flow, run, context.parameters)


def _attempt(
    flow: RunnableFlow, run: Run, context: FlowRunContext
) -> Generator[Command, Any, State]:
    """Call the function once and wait for what it submitted; interruptions are raised."""
    args, kwargs = flow.signature.arguments(context.parameters)
    runner = context.runner = flow.task_runner.duplicate()
    with in_flow_run(context):
        try:
            yield from _hooks(flow.on_running_hooks, flow, run, State(StateType.RUNNING))
            with prints_to_log() if context.log_prints else _QUIET:
                value = yield Call(flow.fn, args, kwargs, flow.timeout_seconds)
            state = yield from _judge(value)
        except Expired:
            error = TimeoutError(
                f"Flow {flow.name!r} ran longer than {flow.timeout_seconds} seconds."
            )
            state = State(StateType.FAILED, "TimedOut", str(error), value=error)
        except Pause as pause:
            state = _paused(pause)
        except MemoryError as error:
            state = load(HEAVY["engine.memory"]).state_of_memory_error(error)
        except Exception as error:  # the flow's own errors end the run, not the process  # noqa: BLE001
            flow_logger.error("Run %s raised", run.name, exc_info=error, extra=run.ids)
            state = exception_to_failed_state(error, "Flow run raised ")
        except BaseException as interruption:
            runner.__exit__(type(interruption), interruption, None)
            raise
    yield Request(runner.__exit__, None, None, None)
    if state.type is StateType.COMPLETED and context.persist_result:
        state = yield from _store(state)
    return state


def _paused(pause: Pause) -> State:
    return pause.state if isinstance(pause.state, State) else State(StateType.PAUSED)


def _judge(value: Any) -> Generator[Command, Any, State]:
    if value is None or isinstance(value, str | int | float):
        return State(StateType.COMPLETED, value=value)
    return return_value_to_state((yield Request(resolve_futures_to_states, value)))


def _store(state: State) -> Generator[Command, Any, State]:
    try:
        state.data = yield Request(write_result, state.id_text, state.value)
    except Exception as error:  # a result that cannot be stored fails the run  # noqa: BLE001
        return exception_to_failed_state(error, "The result could not be stored: ")
    return state


def _end(run: Run, state: State, retries: int = 0) -> Generator[Command, Any, State]:
    """Propose the final state, after every report; what the server made of it."""
    own = state.fresh_copy() if state.details else state  # a returned state belongs to another run
    if own.type is StateType.COMPLETED:
        flow_logger.info("Finished as %s", own.name, extra=run.ids)
    elif own.type is not StateType.FAILED or run.flow_run.run_count > retries:
        flow_logger.error("Finished as %s: %s", own.name, own.message, extra=run.ids)
    try:
        answered = yield Request(report_end, run.flow_run.id, own, run.epoch)
    except StaleWrite as error:
        raise stale(run) from error
    if answered is None and not (yield Request(flush_reports, FLUSH_TIMEOUT)):
        flow_logger.warning("Reports of run %s are still on their way", run.name, extra=run.ids)
    return (yield from propose(run, own, answered=answered))


def _wait_for_retry(
    flow: RunnableFlow, run: Run, scheduled: State, failed: State
) -> Generator[Command, Any, None]:
    flow_logger.info(
        "%s; retry %d of %d follows",
        failed.message,
        run.flow_run.run_count,
        flow.retries,
        extra=run.ids,
    )
    delay = delay_before(run.flow_run.run_count, flow.retry_delay_seconds, None, 0)
    exact = datetime.fromtimestamp(failed.seconds + delay, UTC)
    yield from wait_until(scheduled, at_least=exact)


def _after(flow: RunnableFlow, run: Run, state: State) -> Generator[Command, Any, None]:
    hooks: Sequence[Any] = ()
    if state.type is StateType.COMPLETED:
        hooks = flow.on_completion_hooks
    elif state.type is StateType.FAILED:
        hooks = flow.on_failure_hooks
    elif state.type is StateType.CANCELLED:
        hooks = flow.on_cancellation_hooks
    elif state.type is StateType.CRASHED:
        hooks = flow.on_crashed_hooks
    yield from _hooks(hooks, flow, run, state)


def _interrupted(
    flow: RunnableFlow, run: Run, error: BaseException
) -> Generator[Command, Any, None]:
    """Report a run that something outside of its code ended."""
    state = exception_to_crashed_state(error)
    if isinstance(error, TerminationSignal) or was_terminated():
        cancelled = yield Request(cancellation_requested, run.flow_run.id)
        if cancelled:
            state = State(StateType.CANCELLED, message="The run was cancelled.")
    if state.type is StateType.CANCELLED:
        yield from _hooks(flow.on_cancellation_hooks, flow, run, state)
    try:
        final = yield from _end(run, state)
    except (HeadraceError, Abort) as unreported:  # the interruption itself must be raised, not this
        flow_logger.error("Run %s stopped and could not say so: %s", run.name, unreported)
        return
    if final.type is StateType.CRASHED:
        yield from _hooks(flow.on_crashed_hooks, flow, run, final)


def _hooks(
    hooks: Sequence[Callable[..., Any]], flow: RunnableFlow, run: Run, state: State
) -> Generator[Command, Any, None]:
    for hook in hooks:
        try:
            yield Call(hook, (flow, run.flow_run, state))
        except Exception:  # a hook's error is not the run's  # noqa: BLE001
            name = getattr(hook, "__name__", repr(hook))
            flow_logger.exception("Hook %s of %s raised.", name, run.name, extra=run.ids)
