"""HTTP of many flow runs at once."""

from datetime import datetime

from headrace.server.api.lists import choose_limit
from headrace.server.api.operations import Call, Operations
from headrace.server.services import flow_run_lists, graphs, histories
from headrace.server.store.filters.joined import Filters
from headrace.server.store.flow_runs import SHAPE
from headrace.wire.decode import encode
from headrace.wire.flow_runs import (
    AverageFlowRunLatenessBody,
    BulkDeleteFlowRunsBody,
    BulkSetFlowRunStateBody,
    CountFlowRunsBody,
    FlowRunBulkDeleteResponse,
    FlowRunBulkSetStateResponse,
    FlowRunHistoryBody,
    FlowRunPaginationResponse,
    FlowRunResponse,
    PaginateFlowRunsBody,
    ReadFlowRunsBody,
)
from headrace.wire.graphs import DependencyResult, Graph
from headrace.wire.history import HistoryResponse

operations = Operations("flow runs")


@operations.post("/flow_runs/filter", ReadFlowRunsBody, returns=list[FlowRunResponse])
async def read_flow_runs(call: Call[ReadFlowRunsBody]) -> bytes:
    """List flow runs."""
    body = call.body
    limit = choose_limit(call.services.config, body.limit)
    rows = await flow_run_lists.list_flow_runs(
        call.services.database, Filters.of(body), body.sort, limit, body.offset
    )
    return SHAPE.encode_list(rows)


@operations.post("/flow_runs/paginate", PaginateFlowRunsBody, returns=FlowRunPaginationResponse)
async def paginate_flow_runs(call: Call[PaginateFlowRunsBody]) -> bytes:
    """List one page of flow runs, with how many there are."""
    body, database = call.body, call.services.database
    limit = choose_limit(call.services.config, body.limit)
    filters = Filters.of(body)
    rows = await flow_run_lists.list_flow_runs(
        database, filters, body.sort, limit, (body.page - 1) * limit
    )
    count = await flow_run_lists.count_flow_runs(database, filters)
    return SHAPE.encode_page(rows, count=count, limit=limit, page=body.page)


@operations.post("/flow_runs/count", CountFlowRunsBody, returns=int)
async def count_flow_runs(call: Call[CountFlowRunsBody]) -> bytes:
    """Count flow runs."""
    filters = Filters.of(call.body)
    return encode(await flow_run_lists.count_flow_runs(call.services.database, filters))


@operations.post("/flow_runs/history", FlowRunHistoryBody, returns=list[HistoryResponse])
async def read_flow_run_history(call: Call[FlowRunHistoryBody]) -> bytes:
    """Count flow runs by state, interval by interval."""
    body = call.body
    return await histories.read_history(
        call.services.database,
        histories.FLOW_RUNS,
        Filters.of(body),
        (body.history_start, body.history_end),
        body.history_interval_seconds,
    )


@operations.post("/flow_runs/lateness", AverageFlowRunLatenessBody, returns=float | None)
async def average_flow_run_lateness(call: Call[AverageFlowRunLatenessBody]) -> bytes:
    """The mean time between when flow runs were to start and when they did."""
    filters = Filters.of(call.body)
    return encode(await flow_run_lists.average_lateness(call.services.database, filters))


@operations.post(
    "/flow_runs/bulk_delete", BulkDeleteFlowRunsBody, returns=FlowRunBulkDeleteResponse
)
async def delete_flow_runs(call: Call[BulkDeleteFlowRunsBody]) -> bytes:
    """Delete the flow runs that a filter means."""
    return await flow_run_lists.delete_flow_runs(
        call.services.database, Filters.of(call.body), call.body.limit
    )


@operations.post(
    "/flow_runs/bulk_set_state", BulkSetFlowRunStateBody, returns=FlowRunBulkSetStateResponse
)
async def set_flow_run_states(call: Call[BulkSetFlowRunStateBody]) -> bytes:
    """Propose a state for the flow runs that a filter means."""
    services, body = call.services, call.body
    return await flow_run_lists.set_states(
        services.database,
        services.signals,
        Filters.of(body),
        body.limit,
        body.state,
        force=body.force,
    )


@operations.get(
    "/flow_runs/{id:uuid}/graph-v2",
    returns=Graph,
    parameters={"since": datetime},
    optional=("since",),
)
async def read_flow_run_graph(call: Call[None]) -> bytes:
    """What a flow run did, as a graph of its task runs and sub-flows."""
    return await graphs.read_graph(call.services.database, call.path["id"], call.query("since"))


@operations.get("/flow_runs/{id:uuid}/graph", returns=list[DependencyResult])
async def read_flow_run_dependencies(call: Call[None]) -> bytes:
    """The task runs of a flow run, each with those whose results it used."""
    return await graphs.read_dependencies(call.services.database, call.path["id"])
