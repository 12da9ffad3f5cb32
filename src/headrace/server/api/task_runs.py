"""HTTP of task runs."""

from uuid import UUID

from msgspec import UNSET

from headrace.server.api.lists import choose_limit
from headrace.server.api.operations import Answer, Call, Operations
from headrace.server.services import histories, proposals, task_runs
from headrace.server.store.filters.joined import Filters
from headrace.server.store.task_runs import SHAPE
from headrace.wire.decode import encode
from headrace.wire.history import HistoryResponse
from headrace.wire.orchestration import OrchestrationResult
from headrace.wire.states import State
from headrace.wire.task_runs import (
    CountTaskRunsBody,
    PaginateTaskRunsBody,
    ReadTaskRunsBody,
    SetTaskRunStateBody,
    TaskRun,
    TaskRunCreate,
    TaskRunHistoryBody,
    TaskRunPaginationResponse,
    TaskRunUpdate,
)

operations = Operations("task runs")


@operations.post("/task_runs/", TaskRunCreate, returns=TaskRun, status=201, also=(200,))
async def create_task_run(call: Call[TaskRunCreate]) -> Answer:
    """Make a task run, or answer 200 with the one of the same keys."""
    services = call.services
    row, created = await task_runs.create_task_run(services.database, services.signals, call.body)
    return Answer(201 if created else 200, SHAPE.encode(row))


@operations.get("/task_runs/{id:uuid}", returns=TaskRun)
async def read_task_run(call: Call[None]) -> bytes:
    """Read a task run."""
    return SHAPE.encode(await task_runs.read_task_run(call.services.database, call.path["id"]))


@operations.patch("/task_runs/{id:uuid}", TaskRunUpdate)
async def update_task_run(call: Call[TaskRunUpdate]) -> None:
    """Rename a task run."""
    database, run_id = call.services.database, call.path["id"]
    if call.body.name is UNSET:
        await task_runs.read_task_run(database, run_id)
    else:
        await task_runs.rename_task_run(database, run_id, call.body.name)


@operations.delete("/task_runs/{id:uuid}")
async def delete_task_run(call: Call[None]) -> None:
    """Delete a task run."""
    await task_runs.delete_task_run(call.services.database, call.path["id"])


@operations.post(
    "/task_runs/{id:uuid}/set_state",
    SetTaskRunStateBody,
    returns=OrchestrationResult,
    also=(201,),
)
async def set_task_run_state(call: Call[SetTaskRunStateBody]) -> Answer:
    """Propose a state. 201 where the run entered one, which need not be the one proposed."""
    outcome = await task_runs.set_state(
        call.services.database,
        call.services.signals,
        call.path["id"],
        proposals.take(call.body.state),
        force=call.body.force,
    )
    return Answer(outcome.status, outcome.body)


@operations.post("/task_runs/filter", ReadTaskRunsBody, returns=list[TaskRun])
async def read_task_runs(call: Call[ReadTaskRunsBody]) -> bytes:
    """List task runs."""
    body = call.body
    limit = choose_limit(call.services.config, body.limit)
    rows = await task_runs.list_task_runs(
        call.services.database, Filters.of(body), body.sort, limit, body.offset
    )
    return SHAPE.encode_list(rows)


@operations.post("/task_runs/paginate", PaginateTaskRunsBody, returns=TaskRunPaginationResponse)
async def paginate_task_runs(call: Call[PaginateTaskRunsBody]) -> bytes:
    """List one page of task runs, with how many there are."""
    body, database = call.body, call.services.database
    limit = choose_limit(call.services.config, body.limit)
    filters = Filters.of(body)
    offset = (body.page - 1) * limit
    rows = await task_runs.list_task_runs(database, filters, body.sort, limit, offset)
    count = await task_runs.count_task_runs(database, filters)
    return SHAPE.encode_page(rows, count=count, limit=limit, page=body.page)


@operations.post("/task_runs/count", CountTaskRunsBody, returns=int)
async def count_task_runs(call: Call[CountTaskRunsBody]) -> bytes:
    """Count task runs."""
    filters = Filters.of(call.body)
    return encode(await task_runs.count_task_runs(call.services.database, filters))


@operations.post("/task_runs/history", TaskRunHistoryBody, returns=list[HistoryResponse])
async def read_task_run_history(call: Call[TaskRunHistoryBody]) -> bytes:
    """Count task runs by state, interval by interval."""
    body = call.body
    return await histories.read_history(
        call.services.database,
        histories.TASK_RUNS,
        Filters.of(body),
        (body.history_start, body.history_end),
        body.history_interval_seconds,
    )


@operations.get("/task_run_states/{id:uuid}", returns=State)
async def read_task_run_state(call: Call[None]) -> bytes:
    """Read one state."""
    return await task_runs.read_state(call.services.database, call.path["id"])


@operations.get("/task_run_states/", returns=list[State], parameters={"task_run_id": UUID})
async def read_task_run_states(call: Call[None]) -> bytes:
    """Read the states of a task run, oldest first."""
    return await task_runs.read_states(call.services.database, call.query_uuid("task_run_id"))
