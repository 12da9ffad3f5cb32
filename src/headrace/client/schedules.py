"""Schedules of a deployment."""

from __future__ import annotations

from uuid import UUID

from headrace.client.http import Client
from headrace.wire.deployments import (
    DeploymentSchedule,
    DeploymentScheduleCreate,
    DeploymentScheduleUpdate,
)


def create_schedules(
    client: Client, deployment_id: UUID, schedules: list[DeploymentScheduleCreate]
) -> list[DeploymentSchedule]:
    """Add schedules to a deployment."""
    return client.call(
        "POST",
        f"/deployments/{deployment_id}/schedules",
        schedules,
        answer=list[DeploymentSchedule],
    )


def list_schedules(client: Client, deployment_id: UUID) -> list[DeploymentSchedule]:
    """The schedules of a deployment."""
    return client.call(
        "GET", f"/deployments/{deployment_id}/schedules", answer=list[DeploymentSchedule]
    )


def update_schedule(
    client: Client, deployment_id: UUID, schedule_id: UUID, body: DeploymentScheduleUpdate
) -> None:
    """Change a schedule; fields left UNSET stay."""
    client.call("PATCH", f"/deployments/{deployment_id}/schedules/{schedule_id}", body)


def delete_schedule(client: Client, deployment_id: UUID, schedule_id: UUID) -> None:
    """Remove a schedule and the runs it has scheduled."""
    client.call("DELETE", f"/deployments/{deployment_id}/schedules/{schedule_id}")
