"""Background tasks: runs that are handed to whoever serves their task, by way of the server.

The arguments go into the result storage, under the name that the run's state carries; the server
never sees them.
"""

import time
from collections.abc import Mapping, Set
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

from headrace.client.task_runs import create_task_run, read_task_run
from headrace.context import FlowRunContext, current_tags
from headrace.engine.api import api, from_wire
from headrace.engine.drivers import drive, run_async
from headrace.engine.reporting import flush_reports, prepare_reporting, report_event
from headrace.engine.resolution import pending_futures, resolved, upstreams, wait_all
from headrace.engine.task_calls import split
from headrace.engine.task_lifecycle import run_task
from headrace.engine.task_run import RunnableTask, TaskRun
from headrace.errors import MissingResult
from headrace.futures import DistributedFuture, FutureList
from headrace.results import ResultMetadata, read_result, storage_directory, write_result
from headrace.settings import settings
from headrace.states import State, StateType
from headrace.wire.states import StateCreate, StateDetails
from headrace.wire.states import StateType as WireStateType
from headrace.wire.task_runs import TaskRun as WireTaskRun
from headrace.wire.task_runs import TaskRunCreate, TaskRunPolicy, TaskRunResult

REPORT_SECONDS = 10.0  # for the server to hear that a run has started, before it does


def defer_task(
    task: RunnableTask, parameters: Mapping[str, Any], wait_for: Any = None
) -> DistributedFuture:
    """Hand a run to whoever serves the task; its future.

    Futures of this process are waited for, as no other can; those of background tasks are not.
    """
    inputs = upstreams(parameters, wait_for, FlowRunContext.get())
    local = [f for f in pending_futures(parameters, wait_for) if type(f) is not DistributedFuture]
    if local:
        wait_all(local)
        parameters = resolved(parameters)
    identifier = uuid4()
    key = store_parameters(identifier, {"parameters": dict(parameters), "wait_for": wait_for})
    now = datetime.now(UTC)
    body = TaskRunCreate(
        id=uuid4(),
        name=task.name,
        task_key=task.task_key,
        dynamic_key=f"{task.task_key}-{uuid4().hex}",
        task_version=task.version,
        tags=sorted(task.tags | current_tags()),
        task_inputs={
            name: [TaskRunResult(id=UUID(one)) for one in makers] for name, makers in inputs.items()
        },
        empirical_policy=TaskRunPolicy(retries=task.retries),
        state=StateCreate(
            type=WireStateType.SCHEDULED,
            name="Scheduled",
            state_details=StateDetails(
                deferred=True, scheduled_time=now, task_parameters_id=identifier
            ),
        ),
    )
    try:
        created = create_task_run(api(), body)
    except BaseException:
        if settings().tasks_scheduling_delete_failed_submissions:
            with suppress(OSError):
                (storage_directory() / key).unlink()
        raise
    return DistributedFuture(created.id)


def defer_map(
    task: RunnableTask, parameters: Mapping[str, Any], given: Set[str], wait_for: Any
) -> FutureList:
    """Hand one run for each element to whoever serves the task; their futures."""
    return FutureList(
        defer_task(task, one, wait_for) for one in split(task.name, parameters, given)
    )


def read_state(task_run_id: UUID | str) -> State | None:
    """The state that the server knows a task run in."""
    state = read_task_run(api(), UUID(str(task_run_id))).state
    return None if state is None else from_wire(state)


def store_parameters(identifier: UUID, parameters: dict[str, Any]) -> str:
    """Keep a run's arguments; the key they are kept under.

    Raises:
        SerializationError: One of them cannot be pickled.
    """
    key = f"parameters/{identifier}"
    write_result(key, parameters)
    return key


def read_parameters(identifier: UUID) -> dict[str, Any]:
    """The arguments that were kept: `parameters`, and `wait_for`.

    Raises:
        MissingResult: They are not in this machine's storage.
    """
    return read_result(ResultMetadata(str(storage_directory() / f"parameters/{identifier}")))


def run_deferred(task: RunnableTask, given: WireTaskRun) -> State:
    """Run a background run that was handed to this process, to its end; its final state."""
    prepare_reporting()
    run = _taken_over(task, given)
    report_event(run.enter(State(StateType.PENDING, details={"deferred": True})))
    # From here on nobody else is given the run; before, another is when this process dies.
    flush_reports(REPORT_SECONDS)
    parameters: dict[str, Any] = {}
    wait_for: Any = None
    details = given.state.state_details if given.state is not None else StateDetails()
    if details.task_parameters_id is not None:
        try:
            kept = read_parameters(details.task_parameters_id)
        except MissingResult as error:
            message = f"The arguments of the run cannot be read here: {error}"
            failed = State(StateType.FAILED, message=message, value=error)
            report_event(run.enter(failed))
            return failed
        parameters, wait_for = kept["parameters"], kept.get("wait_for")
    lifecycle = run_task(run, parameters, wait_for)
    return run_async(lifecycle) if task.isasync else drive(lifecycle)


def _taken_over(task: RunnableTask, given: WireTaskRun) -> TaskRun:
    """A run that another process made, as this one goes on with it."""
    inputs = {
        name: [str(one.id) for one in makers if isinstance(one, TaskRunResult)]
        for name, makers in given.task_inputs.items()
    }
    run = TaskRun(task, None, frozenset(given.tags), inputs)
    run.id_text = str(given.id)
    run.dynamic_key = given.dynamic_key
    if isinstance(given.name, str):
        run.name = given.name
    run.expected = (
        given.expected_start_time.timestamp() if given.expected_start_time else time.time()
    )
    run.state = None if given.state is None else from_wire(given.state)
    return run
