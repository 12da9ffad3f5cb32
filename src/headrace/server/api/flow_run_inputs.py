"""HTTP of flow run inputs."""

from headrace.server.api.lists import choose_limit
from headrace.server.api.operations import Answer, Call, Operations
from headrace.server.services import flow_run_inputs as inputs
from headrace.server.store.flow_run_inputs import SHAPE
from headrace.wire.flow_run_inputs import (
    CreateFlowRunInputBody,
    FilterFlowRunInputBody,
    FlowRunInput,
)

operations = Operations("flow run inputs")


@operations.post("/flow_runs/{id:uuid}/input", CreateFlowRunInputBody, status=201)
async def create_flow_run_input(call: Call[CreateFlowRunInputBody]) -> None:
    """Hand a flow run an input."""
    services = call.services
    await inputs.create_input(services.database, services.signals, call.path["id"], call.body)


@operations.post(
    "/flow_runs/{id:uuid}/input/filter", FilterFlowRunInputBody, returns=list[FlowRunInput]
)
async def filter_flow_run_input(call: Call[FilterFlowRunInputBody]) -> bytes:
    """List a flow run's inputs by the start of their keys."""
    rows = await inputs.list_inputs(
        call.services.database,
        call.path["id"],
        prefix=call.body.prefix,
        exclude=call.body.exclude_keys,
        limit=choose_limit(call.services.config, call.body.limit),
    )
    return SHAPE.encode_list(rows)


@operations.get("/flow_runs/{id:uuid}/input/{key}", returns=str, media_type="text/plain")
async def read_flow_run_input(call: Call[None]) -> Answer:
    """The value of an input, as it was sent: JSON or not."""
    value = await inputs.read_input(call.services.database, call.path["id"], call.path["key"])
    return Answer(200, value.encode(), b"text/plain; charset=utf-8")


@operations.delete("/flow_runs/{id:uuid}/input/{key}")
async def delete_flow_run_input(call: Call[None]) -> None:
    """Delete an input."""
    await inputs.delete_input(call.services.database, call.path["id"], call.path["key"])
