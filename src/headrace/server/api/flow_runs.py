"""HTTP of flow runs, one at a time. Lists are in `flow_run_lists`."""

from asyncio import gather
from typing import Any
from uuid import UUID

from headrace.errors import ValidationFailed
from headrace.server.api.events import refuse_nameless
from headrace.server.api.operations import Answer, Call, Operations
from headrace.server.services import flow_run_states, flow_runs, proposals, resuming
from headrace.server.services.logs import create_logs
from headrace.server.store.flow_runs import SHAPE
from headrace.wire.endings import EndFlowRunBody
from headrace.wire.faults import make_fault
from headrace.wire.flow_runs import (
    FlowRunCreate,
    FlowRunResponse,
    FlowRunUpdate,
    ResumeFlowRunBody,
    SetFlowRunStateBody,
)
from headrace.wire.orchestration import OrchestrationResult
from headrace.wire.states import State, StateCreate

operations = Operations("flow runs")


@operations.post("/flow_runs/", FlowRunCreate, returns=FlowRunResponse, status=201, also=(200,))
async def create_flow_run(call: Call[FlowRunCreate]) -> Answer:
    """Make a flow run, or answer 200 with the one that its idempotency key made."""
    services = call.services
    new = await flow_runs.describe(services.database, call.body)
    row, created = await flow_runs.create_flow_run(services.database, services.signals, new)
    return Answer(201 if created else 200, SHAPE.encode(row))


@operations.get("/flow_runs/{id:uuid}", returns=FlowRunResponse)
async def read_flow_run(call: Call[None]) -> bytes:
    """Read a flow run."""
    return SHAPE.encode(await flow_runs.read_flow_run(call.services.database, call.path["id"]))


@operations.patch("/flow_runs/{id:uuid}", FlowRunUpdate)
async def update_flow_run(call: Call[FlowRunUpdate]) -> None:
    """Change a flow run's name, tags, parameters, policy or infrastructure."""
    await flow_runs.update_flow_run(call.services.database, call.path["id"], call.body)


@operations.patch("/flow_runs/{id:uuid}/labels", dict[str, Any])
async def update_flow_run_labels(call: Call[dict[str, Any]]) -> None:
    """Add labels to a flow run."""
    await flow_runs.update_labels(call.services.database, call.path["id"], call.body)


@operations.delete("/flow_runs/{id:uuid}")
async def delete_flow_run(call: Call[None]) -> None:
    """Delete a flow run and what belongs to it."""
    await flow_runs.delete_flow_run(call.services.database, call.path["id"])


@operations.post(
    "/flow_runs/{id:uuid}/set_state",
    SetFlowRunStateBody,
    returns=OrchestrationResult,
    also=(201,),
)
async def set_flow_run_state(call: Call[SetFlowRunStateBody]) -> Answer:
    """Propose a state. 201 where the run entered one, which need not be the one proposed."""
    return await _propose(call, call.body.state, force=call.body.force)


@operations.post(
    "/headrace/flow_runs/{id:uuid}/end", EndFlowRunBody, returns=OrchestrationResult, also=(201,)
)
async def end_flow_run(call: Call[EndFlowRunBody]) -> Answer:
    """Record the last reports of a run, then propose the state that it ends in.

    The reports are durable whatever becomes of the proposal.
    """
    body, services = call.body, call.services
    refuse_nameless(body.events, ("body", "events"))
    await gather(
        services.event_intake.record(body.events),
        create_logs(services.database, services.signals, body.logs),
    )
    return await _propose(call, body.state, force=False)


async def _propose(call: Call[Any], state: StateCreate, *, force: bool) -> Answer:
    outcome = await flow_run_states.set_state(
        call.services.database,
        call.services.signals,
        call.path["id"],
        proposals.take(state),
        force=force,
        epoch=read_epoch(call.headers.get(b"x-headrace-epoch")),
    )
    return Answer(outcome.status, outcome.body)


def read_epoch(given: bytes | None) -> int | None:
    """The attempt that a Headrace process says it is. Raises `ValidationFailed`."""
    if given is None:
        return None
    if not given.isdigit() or len(given) > _EPOCH_DIGITS:
        message = "The epoch is the number that came with the claim"
        loc = ("header", "x-headrace-epoch")
        raise ValidationFailed([make_fault("int_parsing", loc, message, given.decode("latin-1"))])
    return int(given)


_EPOCH_DIGITS = 10  # of a 32-bit integer


@operations.post(
    "/flow_runs/{id:uuid}/resume", ResumeFlowRunBody, returns=OrchestrationResult, also=(201,)
)
async def resume_flow_run(call: Call[ResumeFlowRunBody]) -> Answer:
    """Resume a paused or suspended flow run, with the input that it asked for."""
    outcome = await resuming.resume_flow_run(
        call.services.database, call.services.signals, call.path["id"], call.body.run_input
    )
    return Answer(outcome.status, outcome.body)


@operations.get("/flow_run_states/{id:uuid}", returns=State)
async def read_flow_run_state(call: Call[None]) -> bytes:
    """Read one state."""
    return await flow_runs.read_state(call.services.database, call.path["id"])


@operations.get("/flow_run_states/", returns=list[State], parameters={"flow_run_id": UUID})
async def read_flow_run_states(call: Call[None]) -> bytes:
    """Read the states of a flow run, oldest first."""
    return await flow_runs.read_states(call.services.database, call.query_uuid("flow_run_id"))
