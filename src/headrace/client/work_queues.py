"""Work queues: of a pool, by name, or by id."""

from __future__ import annotations

from uuid import UUID

from headrace.client.http import Client
from headrace.client.requests import segment
from headrace.wire.flow_runs import FlowRunResponse
from headrace.wire.work_queues import (
    ReadAllWorkQueuesBody,
    ReadWorkQueueConcurrencyStatusBody,
    ReadWorkQueueRunsBody,
    ReadWorkQueuesBody,
    WorkQueueConcurrencyStatus,
    WorkQueueCreate,
    WorkQueueResponse,
    WorkQueueStatusDetail,
    WorkQueueUpdate,
)


def create_work_queue(client: Client, pool: str, body: WorkQueueCreate) -> WorkQueueResponse:
    """A new queue in a pool."""
    return client.call(
        "POST", f"/work_pools/{segment(pool)}/queues", body, answer=WorkQueueResponse
    )


def read_work_queue(client: Client, pool: str, name: str) -> WorkQueueResponse:
    """A queue of a pool by name."""
    return client.call(
        "GET", f"/work_pools/{segment(pool)}/queues/{segment(name)}", answer=WorkQueueResponse
    )


def read_work_queue_by_id(client: Client, work_queue_id: UUID) -> WorkQueueResponse:
    """A queue by id."""
    return client.call("GET", f"/work_queues/{work_queue_id}", answer=WorkQueueResponse)


def list_work_queues(
    client: Client, pool: str, body: ReadWorkQueuesBody
) -> list[WorkQueueResponse]:
    """The queues of a pool that pass the filter."""
    return client.call(
        "POST",
        f"/work_pools/{segment(pool)}/queues/filter",
        body,
        answer=list[WorkQueueResponse],
        is_idempotent=True,
    )


def list_all_work_queues(client: Client, body: ReadAllWorkQueuesBody) -> list[WorkQueueResponse]:
    """The queues of all pools that pass the filter."""
    return client.call(
        "POST", "/work_queues/filter", body, answer=list[WorkQueueResponse], is_idempotent=True
    )


def update_work_queue(client: Client, pool: str, name: str, body: WorkQueueUpdate) -> None:
    """Change fields of a queue; those left UNSET stay."""
    client.call("PATCH", f"/work_pools/{segment(pool)}/queues/{segment(name)}", body)


def delete_work_queue(client: Client, pool: str, name: str) -> None:
    """Remove a queue from a pool."""
    client.call("DELETE", f"/work_pools/{segment(pool)}/queues/{segment(name)}")


def read_work_queue_concurrency(
    client: Client, work_queue_id: UUID, body: ReadWorkQueueConcurrencyStatusBody
) -> WorkQueueConcurrencyStatus:
    """Who holds a queue's slots."""
    return client.call(
        "POST",
        f"/work_queues/{work_queue_id}/concurrency_status",
        body,
        answer=WorkQueueConcurrencyStatus,
        is_idempotent=True,
    )


def read_work_queue_status(client: Client, work_queue_id: UUID) -> WorkQueueStatusDetail:
    """Whether a queue is polled and its runs start in time."""
    return client.call("GET", f"/work_queues/{work_queue_id}/status", answer=WorkQueueStatusDetail)


def read_work_queue_runs(
    client: Client, work_queue_id: UUID, body: ReadWorkQueueRunsBody
) -> list[FlowRunResponse]:
    """Due flow runs of a queue, without claiming them."""
    return client.call(
        "POST",
        f"/work_queues/{work_queue_id}/get_runs",
        body,
        answer=list[FlowRunResponse],
        is_idempotent=True,
    )
