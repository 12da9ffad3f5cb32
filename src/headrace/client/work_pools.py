"""Work pools, addressed by name."""

from __future__ import annotations

from headrace.client.http import Client
from headrace.client.requests import segment
from headrace.wire.work_pools import (
    CountWorkPoolsBody,
    GetScheduledFlowRunsBody,
    ReadWorkPoolConcurrencyStatusBody,
    ReadWorkPoolsBody,
    WorkerFlowRunResponse,
    WorkPoolConcurrencyStatus,
    WorkPoolCreate,
    WorkPoolResponse,
    WorkPoolUpdate,
)


def create_work_pool(client: Client, body: WorkPoolCreate) -> WorkPoolResponse:
    """A new work pool.

    Raises:
        ObjectAlreadyExists: There is a pool of this name.
    """
    return client.call("POST", "/work_pools/", body, answer=WorkPoolResponse)


def read_work_pool(client: Client, name: str) -> WorkPoolResponse:
    """A work pool by name."""
    return client.call("GET", f"/work_pools/{segment(name)}", answer=WorkPoolResponse)


def list_work_pools(client: Client, body: ReadWorkPoolsBody) -> list[WorkPoolResponse]:
    """Work pools that pass the filter."""
    return client.call(
        "POST", "/work_pools/filter", body, answer=list[WorkPoolResponse], is_idempotent=True
    )


def count_work_pools(client: Client, body: CountWorkPoolsBody) -> int:
    """How many work pools pass the filter."""
    return client.call("POST", "/work_pools/count", body, answer=int, is_idempotent=True)


def update_work_pool(client: Client, name: str, body: WorkPoolUpdate) -> None:
    """Change fields of a work pool; those left UNSET stay."""
    client.call("PATCH", f"/work_pools/{segment(name)}", body)


def delete_work_pool(client: Client, name: str) -> None:
    """Remove a work pool with its queues and workers."""
    client.call("DELETE", f"/work_pools/{segment(name)}")


def read_work_pool_concurrency(
    client: Client, name: str, body: ReadWorkPoolConcurrencyStatusBody
) -> WorkPoolConcurrencyStatus:
    """Who holds a pool's slots, queue by queue."""
    return client.call(
        "POST",
        f"/work_pools/{segment(name)}/concurrency_status",
        body,
        answer=WorkPoolConcurrencyStatus,
        is_idempotent=True,
    )


def read_scheduled_flow_runs(
    client: Client, name: str, body: GetScheduledFlowRunsBody
) -> list[WorkerFlowRunResponse]:
    """Due flow runs of a pool, without claiming them."""
    return client.call(
        "POST",
        f"/work_pools/{segment(name)}/get_scheduled_flow_runs",
        body,
        answer=list[WorkerFlowRunResponse],
        is_idempotent=True,
    )
