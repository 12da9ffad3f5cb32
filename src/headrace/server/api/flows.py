"""HTTP of flows."""

from headrace.server.api.lists import choose_limit
from headrace.server.api.operations import Answer, Call, Operations
from headrace.server.services import flows
from headrace.server.store.filters.joined import Filters
from headrace.server.store.flows import SHAPE
from headrace.wire.decode import encode
from headrace.wire.flows import (
    BulkDeleteFlowsBody,
    CountFlowsBody,
    Flow,
    FlowBulkDeleteResponse,
    FlowCreate,
    FlowPaginationResponse,
    FlowUpdate,
    PaginateFlowsBody,
    ReadFlowsBody,
)

operations = Operations("flows")


@operations.post("/flows/", FlowCreate, returns=Flow, status=201, also=(200,))
async def create_flow(call: Call[FlowCreate]) -> Answer:
    """Make a flow, or answer 200 with the one that has its name."""
    row, created = await flows.create_flow(call.services.database, call.services.signals, call.body)
    return Answer(201 if created else 200, SHAPE.encode(row))


@operations.get("/flows/{id:uuid}", returns=Flow)
async def read_flow(call: Call[None]) -> bytes:
    """Read a flow."""
    return SHAPE.encode(await flows.read_flow(call.services.database, call.path["id"]))


@operations.get("/flows/name/{name}", returns=Flow)
async def read_flow_by_name(call: Call[None]) -> bytes:
    """Read a flow by its name."""
    return SHAPE.encode(await flows.read_flow_by_name(call.services.database, call.path["name"]))


@operations.post("/flows/filter", ReadFlowsBody, returns=list[Flow])
async def read_flows(call: Call[ReadFlowsBody]) -> bytes:
    """List flows."""
    body = call.body
    rows = await flows.list_flows(
        call.services.database,
        Filters.of(body),
        body.sort,
        limit=choose_limit(call.services.config, body.limit),
        offset=body.offset,
    )
    return SHAPE.encode_list(rows)


@operations.post("/flows/count", CountFlowsBody, returns=int)
async def count_flows(call: Call[CountFlowsBody]) -> bytes:
    """Count flows."""
    return encode(await flows.count_flows(call.services.database, Filters.of(call.body)))


@operations.post("/flows/paginate", PaginateFlowsBody, returns=FlowPaginationResponse)
async def paginate_flows(call: Call[PaginateFlowsBody]) -> bytes:
    """One page of flows."""
    body = call.body
    limit = choose_limit(call.services.config, body.limit)
    rows, count = await flows.read_flows_page(
        call.services.database, Filters.of(body), body.sort, limit=limit, page=body.page
    )
    return SHAPE.encode_page(rows, count=count, limit=limit, page=body.page)


@operations.patch("/flows/{id:uuid}", FlowUpdate)
async def update_flow(call: Call[FlowUpdate]) -> None:
    """Change a flow's tags."""
    await flows.update_flow(
        call.services.database, call.services.signals, call.path["id"], call.body
    )


@operations.delete("/flows/{id:uuid}")
async def delete_flow(call: Call[None]) -> None:
    """Delete a flow, its runs and its deployments."""
    await flows.delete_flow(call.services.database, call.services.signals, call.path["id"])


@operations.post("/flows/bulk_delete", BulkDeleteFlowsBody, returns=FlowBulkDeleteResponse)
async def delete_flows(call: Call[BulkDeleteFlowsBody]) -> bytes:
    """Delete flows that meet a filter."""
    body = call.body
    deleted = await flows.delete_flows(
        call.services.database, call.services.signals, body.flows, body.limit
    )
    return encode({"deleted": deleted})
