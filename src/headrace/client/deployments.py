"""Deployments and the flow runs made from them."""

from __future__ import annotations

from uuid import UUID

from headrace.client.http import Client
from headrace.client.requests import segment
from headrace.core.sdks import SDK_HEADER, Sdk
from headrace.wire.deployments import (
    BulkDeleteDeploymentsBody,
    CountDeploymentsBody,
    DeploymentBulkDeleteResponse,
    DeploymentCreate,
    DeploymentFlowRunCreate,
    DeploymentResponse,
    DeploymentUpdate,
    GetScheduledFlowRunsForDeploymentsBody,
    ReadDeploymentsBody,
)
from headrace.wire.flow_runs import FlowRunResponse


def create_deployment(
    client: Client, body: DeploymentCreate, sdk: Sdk = Sdk.HEADRACE
) -> DeploymentResponse:
    """The deployment of this flow and name, made or brought up to date.

    Args:
        client: Of the API.
        body: The deployment.
        sdk: What its flow is made with.
    """
    return client.call(
        "POST",
        "/deployments/",
        body,
        answer=DeploymentResponse,
        is_idempotent=True,
        headers={SDK_HEADER: sdk.value},
    )


def read_deployment(client: Client, deployment_id: UUID) -> DeploymentResponse:
    """A deployment by id."""
    return client.call("GET", f"/deployments/{deployment_id}", answer=DeploymentResponse)


def read_deployment_by_name(client: Client, flow_name: str, name: str) -> DeploymentResponse:
    """A deployment by its flow's name and its own."""
    return client.call(
        "GET", f"/deployments/name/{segment(flow_name)}/{segment(name)}", answer=DeploymentResponse
    )


def list_deployments(client: Client, body: ReadDeploymentsBody) -> list[DeploymentResponse]:
    """Deployments that pass the filters."""
    return client.call(
        "POST", "/deployments/filter", body, answer=list[DeploymentResponse], is_idempotent=True
    )


def count_deployments(client: Client, body: CountDeploymentsBody) -> int:
    """How many deployments pass the filters."""
    return client.call("POST", "/deployments/count", body, answer=int, is_idempotent=True)


def update_deployment(client: Client, deployment_id: UUID, body: DeploymentUpdate) -> None:
    """Change fields of a deployment; those left UNSET stay."""
    client.call("PATCH", f"/deployments/{deployment_id}", body)


def delete_deployment(client: Client, deployment_id: UUID) -> None:
    """Remove a deployment and its scheduled runs."""
    client.call("DELETE", f"/deployments/{deployment_id}")


def bulk_delete_deployments(
    client: Client, body: BulkDeleteDeploymentsBody
) -> DeploymentBulkDeleteResponse:
    """Remove the deployments that pass the filters, up to the limit."""
    return client.call(
        "POST", "/deployments/bulk_delete", body, answer=DeploymentBulkDeleteResponse
    )


def pause_deployment(client: Client, deployment_id: UUID) -> None:
    """Stop a deployment's schedules."""
    client.call("POST", f"/deployments/{deployment_id}/pause_deployment", is_idempotent=True)


def resume_deployment(client: Client, deployment_id: UUID) -> None:
    """Start a deployment's schedules again."""
    client.call("POST", f"/deployments/{deployment_id}/resume_deployment", is_idempotent=True)


def create_flow_run_from_deployment(
    client: Client, deployment_id: UUID, body: DeploymentFlowRunCreate
) -> FlowRunResponse:
    """A new flow run of a deployment."""
    return client.call(
        "POST",
        f"/deployments/{deployment_id}/create_flow_run",
        body,
        answer=FlowRunResponse,
        is_idempotent=body.idempotency_key is not None,
    )


def read_scheduled_flow_runs(
    client: Client, body: GetScheduledFlowRunsForDeploymentsBody
) -> list[FlowRunResponse]:
    """Due flow runs of served deployments."""
    return client.call(
        "POST",
        "/deployments/get_scheduled_flow_runs",
        body,
        answer=list[FlowRunResponse],
        is_idempotent=True,
    )
