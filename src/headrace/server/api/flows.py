"""HTTP of flows."""

from headrace.server.api.operations import Answer, Call, Operations
from headrace.server.services import flows
from headrace.server.store.flows import SHAPE
from headrace.wire.flows import Flow, FlowCreate, FlowUpdate

operations = Operations("flows")


@operations.post("/flows/", FlowCreate, returns=Flow, status=201, also=(200,))
async def create_flow(call: Call[FlowCreate]) -> Answer:
    """Make a flow, or answer 200 with the one that has its name."""
    row, created = await flows.create_flow(call.services.database, call.body)
    return Answer(201 if created else 200, SHAPE.encode(row))


@operations.get("/flows/{id:uuid}", returns=Flow)
async def read_flow(call: Call[None]) -> bytes:
    """Read a flow."""
    return SHAPE.encode(await flows.read_flow(call.services.database, call.path["id"]))


@operations.get("/flows/name/{name}", returns=Flow)
async def read_flow_by_name(call: Call[None]) -> bytes:
    """Read a flow by its name."""
    return SHAPE.encode(await flows.read_flow_by_name(call.services.database, call.path["name"]))


@operations.patch("/flows/{id:uuid}", FlowUpdate)
async def update_flow(call: Call[FlowUpdate]) -> None:
    """Change a flow's tags."""
    await flows.update_flow(call.services.database, call.path["id"], call.body)


@operations.delete("/flows/{id:uuid}")
async def delete_flow(call: Call[None]) -> None:
    """Delete a flow, its runs and its deployments."""
    await flows.delete_flow(call.services.database, call.path["id"])
