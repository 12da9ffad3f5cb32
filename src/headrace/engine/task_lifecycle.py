"""How a task run lives: one generator for sync and async, see `commands`.

Pending → (upstreams) → (stored result?) → Running → the function → Completed, Failed, Crashed, or
AwaitingRetry and again.
"""

import random
import time
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from headrace._bindings import HEAVY, load
from headrace.context import TaskRunContext, enter_task_run, leave_task_run
from headrace.core.retries import delay_before
from headrace.engine.caching import CachePlan, no_cache, plan_cache
from headrace.engine.commands import Call, Command, Expired, Request, Sleep
from headrace.engine.names import render_run_name
from headrace.engine.prints import prints_to_log
from headrace.engine.reporting import report_event, task_logger
from headrace.engine.resolution import check_upstreams, pending_futures, resolved, wait_all
from headrace.engine.task_run import RunnableTask, TaskRun
from headrace.errors import HeadraceError, UpstreamTaskError
from headrace.futures import resolve_futures_to_states
from headrace.options import first_given
from headrace.results import find_result, read_result, write_result
from headrace.settings import settings
from headrace.states import (
    State,
    StateType,
    exception_to_crashed_state,
    exception_to_failed_state,
    return_value_to_state,
)

if TYPE_CHECKING:
    from headrace.engine.tag_slots import TagSlots

_jitter = random.SystemRandom()  # a user's `random.seed` must not line up retries
SlotsOfTags = Callable[[TaskRun], Generator[Command, Any, "TagSlots | None"]]
_QUIET: AbstractContextManager[None] = nullcontext()


def run_task(
    run: TaskRun, parameters: Mapping[str, Any], wait_for: Any
) -> Generator[Command, Any, State]:
    """Take a pending run to its end; its final state.

    Interruptions from outside (a signal, a cancelled coroutine) are reported as Crashed and raised
    again; the task's own errors are in the state.
    """
    task = run.task
    futures = pending_futures(parameters, wait_for)
    if futures:
        yield Request(wait_all, futures)
    try:
        check_upstreams(wait_for)
        parameters = resolved(parameters)
    except UpstreamTaskError as error:
        return _enter(run, State(StateType.PENDING, "NotReady", str(error), value=error))
    context = TaskRunContext(task, run, parameters, time.time())
    _inherit(context, task, run)
    if task.task_run_name is not None:
        run.name = render_run_name(task.task_run_name, parameters, run.name)
    cache = plan_cache(context, run) if context.persist_result else no_cache
    if cache.key is not None and not cache.refresh:
        stored = find_result(cache.key)
        if stored is not None:
            value = read_result(stored)
            cached = State(StateType.COMPLETED, "Cached", value=value, data=stored)
            return (yield from _finish(run, context, cached))
    return (yield from _attempts(run, context, cache))


def _inherit(context: TaskRunContext, task: RunnableTask, run: TaskRun) -> None:
    """What the task leaves open is as the flow run has it."""
    parent, defaults = run.parent, settings()
    context.log_prints = first_given(
        task.log_prints, parent.log_prints if parent else defaults.logging_log_prints
    )
    context.persist_result = first_given(
        task.persist_result,
        defaults.tasks_default_persist_result,
        parent.persist_result if parent else defaults.results_persist_by_default,
    )


def _attempts(
    run: TaskRun, context: TaskRunContext, cache: CachePlan
) -> Generator[Command, Any, State]:
    task = run.task
    arguments = task.signature.arguments(context.parameters)
    name = "Running"
    while True:
        try:
            state = yield from _started(run, context, name, arguments)
        except HeadraceError as error:  # not of the task's own code, whose errors are states
            failed = exception_to_failed_state(error, "The task run got no slot of its tags: ")
            return (yield from _finish(run, context, failed))
        except BaseException as error:
            crashed = exception_to_crashed_state(error)
            _enter(run, crashed)
            task_logger.error("Task run %s stopped: %s", run.name, crashed.message, extra=_ids(run))
            raise
        if state.type is StateType.COMPLETED and context.persist_result:
            state = yield from _store(cache, state)
        if state.type is not StateType.FAILED or not (yield from _may_retry(run, state)):
            return (yield from _finish(run, context, state))
        yield from _wait_for_retry(run, state)
        name = "Retrying"


def _started(
    run: TaskRun,
    context: TaskRunContext,
    name: str,
    arguments: tuple[Sequence[Any], Mapping[str, Any]],
) -> Generator[Command, Any, State]:
    """One attempt, with a slot of each of the run's tags where these limit their task runs."""
    if not run.tags:
        return (yield from _running(run, context, name, arguments))
    token = enter_task_run(context)
    try:
        held = yield from _slots_of_tags(run)
    finally:
        leave_task_run(token)
    if held is None:
        return (yield from _running(run, context, name, arguments))
    try:
        return (yield from _running(run, context, name, arguments))
    finally:
        yield from held.give_back()


def _slots_of_tags(run: TaskRun) -> Generator[Command, Any, "TagSlots | None"]:
    return load(HEAVY["engine.tag_slots"]).slots_of_tags(run)


def _running(
    run: TaskRun,
    context: TaskRunContext,
    name: str,
    arguments: tuple[Sequence[Any], Mapping[str, Any]],
) -> Generator[Command, Any, State]:
    _enter(run, State(StateType.RUNNING, name))
    if name == "Running":
        yield from _hooks(run.task.on_running_hooks, run)
    return (yield from _attempt(context, arguments))


def _attempt(
    context: TaskRunContext, arguments: tuple[Sequence[Any], Mapping[str, Any]]
) -> Generator[Command, Any, State]:
    """Call the function once; errors of its own become a state, interruptions are raised."""
    task: RunnableTask = context.task
    token = enter_task_run(context)
    try:
        with prints_to_log() if context.log_prints else _QUIET:
            value = yield Call(task.fn, *arguments, task.timeout_seconds)
    except Expired:
        error = TimeoutError(f"Task {task.name!r} ran longer than {task.timeout_seconds} seconds.")
        return State(StateType.FAILED, "TimedOut", str(error), value=error)
    except Exception as error:  # the task's own errors end the run, not the process  # noqa: BLE001
        return exception_to_failed_state(error, "Task run raised ")
    finally:
        leave_task_run(token)
    if value is None or isinstance(value, str | int | float):
        return State(StateType.COMPLETED, value=value)
    return return_value_to_state(resolve_futures_to_states(value))


def _store(cache: CachePlan, state: State) -> Generator[Command, Any, State]:
    try:
        state.data = yield Request(write_result, cache.storage_key, state.value, cache.expires_at())
    except Exception as error:  # a result that cannot be stored fails the run  # noqa: BLE001
        return exception_to_failed_state(error, "The result could not be stored: ")
    return state


def _may_retry(run: TaskRun, state: State) -> Generator[Command, Any, bool]:
    task = run.task
    if run.run_count > task.retries:
        return False
    if task.retry_condition_fn is None:
        return True
    try:
        return bool((yield Call(task.retry_condition_fn, (task, run, state))))
    except Exception:  # a broken condition must not retry for ever  # noqa: BLE001
        task_logger.exception("The retry condition of %s raised.", run.name, extra=_ids(run))
        return False


def _wait_for_retry(run: TaskRun, state: State) -> Generator[Command, Any, None]:
    task = run.task
    delay = delay_before(
        run.run_count, task.retry_delay_seconds, task.retry_jitter_factor, _jitter.random()
    )
    task_logger.info(
        "%s: %s; retry %d of %d in %.3g seconds",
        run.name,
        state.message,
        run.run_count,
        task.retries,
        delay,
        extra=_ids(run),
    )
    if delay:
        when = datetime.fromtimestamp(time.time() + delay, UTC)
        _enter(run, State(StateType.SCHEDULED, "AwaitingRetry", details={"scheduled_time": when}))
        yield Sleep(delay)


def _finish(run: TaskRun, context: TaskRunContext, state: State) -> Generator[Command, Any, State]:
    if state.details is None or "task_run_id" not in state.details:
        state = _own(state, run)
    _enter(run, state)
    if run.parent is not None and state.type is StateType.COMPLETED:
        run.parent.produced.remember(state.value, run.id_text)
    if state.type is StateType.COMPLETED:
        hooks = run.task.on_completion_hooks
        task_logger.info("%s: %s", run.name, state.name, extra=_ids(run))
    else:
        hooks = run.task.on_failure_hooks if state.type is StateType.FAILED else ()
        error = state.value if isinstance(state.value, BaseException) else None
        task_logger.error(
            "%s: %s, %s", run.name, state.name, state.message, exc_info=error, extra=_ids(run)
        )
    if hooks:
        token = enter_task_run(context)
        try:
            yield from _hooks(hooks, run)
        finally:
            leave_task_run(token)
    return state


def _own(state: State, run: TaskRun) -> State:
    """This run's copy of its final state: a function may return the state of another run."""
    details = {**(state.details or {}), "task_run_id": run.id_text}
    if run.parent is not None:
        details["flow_run_id"] = run.parent.flow_run_id
    if state.has_id:  # reported already: another run's
        return state.fresh_copy(details=details)
    state.details = details
    return state


def _enter(run: TaskRun, state: State) -> State:
    report_event(run.enter(state))
    return state


def _hooks(hooks: Sequence[Callable[..., Any]], run: TaskRun) -> Generator[Command, Any, None]:
    for hook in hooks:
        try:
            yield Call(hook, (run.task, run, run.state))
        except Exception:  # a hook's error is not the run's  # noqa: BLE001
            name = getattr(hook, "__name__", repr(hook))
            task_logger.exception("Hook %s of %s raised.", name, run.name, extra=_ids(run))


def _ids(run: TaskRun) -> dict[str, Any]:
    """What the log handler needs to put a line with its run."""
    return {
        "flow_run_id": run.parent.flow_run_id if run.parent is not None else None,
        "task_run_id": run.id_text,
    }
