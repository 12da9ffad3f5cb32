"""Flow runs: create, read, move from state to state, delete."""

from __future__ import annotations

from uuid import UUID

from headrace.client.http import Client
from headrace.client.requests import epoch_header
from headrace.wire.flow_runs import (
    BulkDeleteFlowRunsBody,
    BulkSetFlowRunStateBody,
    CountFlowRunsBody,
    FlowRunBulkDeleteResponse,
    FlowRunBulkSetStateResponse,
    FlowRunCreate,
    FlowRunPaginationResponse,
    FlowRunResponse,
    FlowRunUpdate,
    PaginateFlowRunsBody,
    ReadFlowRunsBody,
    ResumeFlowRunBody,
    SetFlowRunStateBody,
)
from headrace.wire.graphs import Graph
from headrace.wire.orchestration import OrchestrationResult
from headrace.wire.states import State


def create_flow_run(client: Client, body: FlowRunCreate) -> FlowRunResponse:
    """A new flow run; the existing one where its idempotency key was used before."""
    return client.call(
        "POST",
        "/flow_runs/",
        body,
        answer=FlowRunResponse,
        is_idempotent=body.idempotency_key is not None,
    )


def read_flow_run(client: Client, flow_run_id: UUID) -> FlowRunResponse:
    """A flow run by id."""
    return client.call("GET", f"/flow_runs/{flow_run_id}", answer=FlowRunResponse)


def list_flow_runs(client: Client, body: ReadFlowRunsBody) -> list[FlowRunResponse]:
    """Flow runs that pass the filters."""
    return client.call(
        "POST", "/flow_runs/filter", body, answer=list[FlowRunResponse], is_idempotent=True
    )


def count_flow_runs(client: Client, body: CountFlowRunsBody) -> int:
    """How many flow runs pass the filters."""
    return client.call("POST", "/flow_runs/count", body, answer=int, is_idempotent=True)


def paginate_flow_runs(client: Client, body: PaginateFlowRunsBody) -> FlowRunPaginationResponse:
    """One page of the flow runs that pass the filters."""
    return client.call(
        "POST", "/flow_runs/paginate", body, answer=FlowRunPaginationResponse, is_idempotent=True
    )


def update_flow_run(
    client: Client, flow_run_id: UUID, body: FlowRunUpdate, epoch: int | None = None
) -> None:
    """Change fields of a flow run; those left UNSET stay."""
    client.call("PATCH", f"/flow_runs/{flow_run_id}", body, headers=epoch_header(epoch))


def delete_flow_run(client: Client, flow_run_id: UUID) -> None:
    """Remove a flow run and all that belongs to it."""
    client.call("DELETE", f"/flow_runs/{flow_run_id}")


def set_flow_run_state(
    client: Client, flow_run_id: UUID, body: SetFlowRunStateBody, epoch: int | None = None
) -> OrchestrationResult:
    """Propose a state; the result says whether it was accepted and what to do if not.

    Args:
        client: The API.
        flow_run_id: The run.
        body: The state. With a `transition_id` the proposal may be repeated without harm.
        epoch: Which attempt at the run proposes it; the server refuses one that is out of date.

    Raises:
        StaleWrite: Another attempt at the run has begun.
    """
    return client.call(
        "POST",
        f"/flow_runs/{flow_run_id}/set_state",
        body,
        answer=OrchestrationResult,
        is_idempotent=body.state.state_details.transition_id is not None,
        headers=epoch_header(epoch),
    )


def end_flow_run(
    client: Client, flow_run_id: UUID, body: bytes, epoch: int | None, *, timeout: float
) -> OrchestrationResult:
    """Tell the last reports of a run and propose the state that it ends in. Sent once.

    Args:
        client: The API: one of ours.
        flow_run_id: The run.
        body: An encoded `EndFlowRunBody`.
        epoch: Which attempt at the run it is.
        timeout: Seconds.

    Raises:
        StaleWrite: Another attempt at the run has begun. The reports were recorded.
    """
    return client.call(
        "POST",
        f"/headrace/flow_runs/{flow_run_id}/end",
        body,
        answer=OrchestrationResult,
        headers=epoch_header(epoch),
        timeout=timeout,
        attempts=0,
    )


def resume_flow_run(
    client: Client, flow_run_id: UUID, body: ResumeFlowRunBody
) -> OrchestrationResult:
    """Let a paused or suspended run go on, with the input it waits for."""
    return client.call("POST", f"/flow_runs/{flow_run_id}/resume", body, answer=OrchestrationResult)


def read_flow_run_states(client: Client, flow_run_id: UUID) -> list[State]:
    """All states a flow run was in, oldest first."""
    return client.call("GET", f"/flow_run_states/?flow_run_id={flow_run_id}", answer=list[State])


def read_flow_run_graph(client: Client, flow_run_id: UUID) -> Graph:
    """Task runs and sub-flows of a flow run and what depends on what."""
    return client.call("GET", f"/flow_runs/{flow_run_id}/graph-v2", answer=Graph)


def update_flow_run_labels(
    client: Client, flow_run_id: UUID, labels: dict[str, bool | int | float | str]
) -> None:
    """Add labels to a flow run, or change them."""
    client.call("PATCH", f"/flow_runs/{flow_run_id}/labels", labels)


def bulk_delete_flow_runs(
    client: Client, body: BulkDeleteFlowRunsBody
) -> FlowRunBulkDeleteResponse:
    """Remove the flow runs that pass the filters, up to the limit."""
    return client.call("POST", "/flow_runs/bulk_delete", body, answer=FlowRunBulkDeleteResponse)


def bulk_set_flow_run_state(
    client: Client, body: BulkSetFlowRunStateBody
) -> FlowRunBulkSetStateResponse:
    """Propose one state for the flow runs that pass the filters, up to the limit."""
    return client.call(
        "POST", "/flow_runs/bulk_set_state", body, answer=FlowRunBulkSetStateResponse
    )
