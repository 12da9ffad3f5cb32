"""Workers of a pool."""

from __future__ import annotations

from headrace.client.http import Client
from headrace.client.requests import segment
from headrace.wire.workers import ReadWorkersBody, WorkerHeartbeatBody, WorkerResponse


def send_heartbeat(client: Client, pool: str, body: WorkerHeartbeatBody) -> None:
    """Tell that a worker is alive; it is registered by its first heartbeat."""
    client.call("POST", f"/work_pools/{segment(pool)}/workers/heartbeat", body, is_idempotent=True)


def list_workers(client: Client, pool: str, body: ReadWorkersBody) -> list[WorkerResponse]:
    """The workers of a pool that pass the filter."""
    return client.call(
        "POST",
        f"/work_pools/{segment(pool)}/workers/filter",
        body,
        answer=list[WorkerResponse],
        is_idempotent=True,
    )


def delete_worker(client: Client, pool: str, name: str) -> None:
    """Forget a worker."""
    client.call("DELETE", f"/work_pools/{segment(pool)}/workers/{segment(name)}")
