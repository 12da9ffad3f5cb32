"""The engine behind `Task.__call__`, `Task.submit` and `Task.map`."""

from collections.abc import Mapping, Set
from typing import Any

from headrace.annotations import Annotation, allow_failure, quote, unmapped
from headrace.context import FlowRunContext, TaskRunContext, current_tags
from headrace.engine.drivers import drive, drive_async
from headrace.engine.reporting import prepare_reporting, report_event
from headrace.engine.resolution import upstreams
from headrace.engine.task_lifecycle import run_task
from headrace.engine.task_run import RunnableTask, TaskRun
from headrace.errors import MappingLengthMismatch, MappingMissingIterable, MissingContextError
from headrace.futures import Future, FutureList
from headrace.states import State, StateType


def create_task_run(task: RunnableTask, parameters: Mapping[str, Any], wait_for: Any) -> TaskRun:
    """A pending run of a task, reported."""
    context = FlowRunContext.get()
    if context is None:
        prepare_reporting()
    inputs = upstreams(parameters, wait_for, context)
    outer = TaskRunContext.get()
    if outer is not None:
        inputs["__parents__"] = [outer.task_run.id_text]
    tags = task.tags | current_tags() if current_tags() else task.tags
    run = TaskRun(task, context, tags, inputs)
    report_event(run.enter(State(StateType.PENDING)))
    return run


def call_task(
    task: RunnableTask, parameters: Mapping[str, Any], wait_for: Any, return_state: bool
) -> Any:
    """Run a task here; its result, or its final state. Something to await for an async task."""
    run = create_task_run(task, parameters, wait_for)
    lifecycle = run_task(run, parameters, wait_for)
    if task.isasync:
        return _await(drive_async(lifecycle), return_state)
    state: State = drive(lifecycle)
    return state if return_state else state.result()


async def _await(driven: Any, return_state: bool) -> Any:
    state: State = await driven
    return state if return_state else state.result()


def submit_task(
    task: RunnableTask, parameters: Mapping[str, Any], wait_for: Any, return_state: bool
) -> Any:
    """Hand a task to the flow run's task runner."""
    future = _runner(task).submit(task, parameters, wait_for)
    if return_state:
        future.wait()
        return future.state
    return future


def map_task(
    task: RunnableTask,
    parameters: Mapping[str, Any],
    given: Set[str],
    wait_for: Any,
    return_state: bool,
) -> Any:
    """Hand one run for each element to the flow run's task runner."""
    runner = _runner(task)
    futures = FutureList(
        runner.submit(task, one, wait_for) for one in split(task.name, parameters, given)
    )
    if return_state:
        futures.wait()
        return [future.state for future in futures]
    return futures


def _runner(task: RunnableTask) -> Any:
    context = FlowRunContext.get()
    if context is None:
        message = (
            f"Task {task.name!r} was submitted outside of a flow. Submit it inside of a flow, "
            "or call it."
        )
        raise MissingContextError(message)
    return context.runner


def split(name: str, parameters: Mapping[str, Any], given: Set[str]) -> list[dict[str, Any]]:
    """The parameters of each run of a map.

    Args:
        name: The task's, for messages.
        parameters: By name; sequences among the given ones are mapped over.
        given: The parameters that the caller gave. Defaults go to every run as they are.

    Raises:
        MappingMissingIterable: No parameter is a sequence.
        MappingLengthMismatch: The sequences differ in length.
    """
    shared: dict[str, Any] = {}
    mapped: dict[str, tuple[Any, list[Any]]] = {}
    for key, value in parameters.items():
        if key not in given or isinstance(value, unmapped):
            shared[key] = value.value if isinstance(value, unmapped) else value
            continue
        mark = type(value) if isinstance(value, allow_failure | quote) else None
        bare = value.value if isinstance(value, Annotation) else value
        items = _items(bare)
        if items is None:
            shared[key] = value
        else:
            mapped[key] = (mark, items)
    if not mapped:
        message = (
            f"{name}.map() was given no sequence to map over; call or submit the task instead."
        )
        raise MappingMissingIterable(message)
    lengths = {key: len(items) for key, (_, items) in mapped.items()}
    if len(set(lengths.values())) > 1:
        message = (
            f"{name}.map() was given sequences of different lengths: {lengths}. "
            "Mark what goes to every run with unmapped(…)."
        )
        raise MappingLengthMismatch(message)
    return [
        shared | {k: items[i] if m is None else m(items[i]) for k, (m, items) in mapped.items()}
        for i in range(next(iter(lengths.values())))
    ]


def _items(value: Any) -> list[Any] | None:
    """What to map over, or None for a value that goes to every run. A future is waited for."""
    if isinstance(value, Future):
        value = value.result()
    kind: Any = value.__class__
    if issubclass(kind, (str, bytes, bytearray)) or not hasattr(kind, "__iter__"):
        return None
    return list(value)
