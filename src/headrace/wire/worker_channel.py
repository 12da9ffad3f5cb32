"""Wire objects of the worker channel, version 1: the WebSocket of the contract's workers."""

from typing import Any
from uuid import UUID

from headrace.wire.objects import Wire
from headrace.wire.work_pools import WorkPoolResponse

CHANNEL_VERSION = "work_pool_worker_channel.v1"
HEARTBEAT_CAPABILITY = "worker_heartbeat.v1"
SNAPSHOT_CAPABILITY = "work_pool_snapshot.v1"
CAPABILITIES = (HEARTBEAT_CAPABILITY, SNAPSHOT_CAPABILITY)


class WorkerHello(Wire, kw_only=True):
    consumer_id: UUID
    worker_name: str
    worker_type: str
    heartbeat_interval_seconds: int | None = None
    supported_channel_versions: list[str]
    requested_capabilities: list[str] = []
    work_queue_names: list[str] = []
    create_pool_if_not_found: bool = False
    default_base_job_template: dict[str, Any] = {}
    worker_metadata: dict[str, Any] | None = None


class WorkerHeartbeat(Wire, kw_only=True):
    consumer_id: UUID
    worker_name: str
    heartbeat_interval_seconds: int | None = None


class HelloFrame(Wire, kw_only=True, tag_field="type", tag="worker.hello.v1"):
    payload: WorkerHello


class HeartbeatFrame(Wire, kw_only=True, tag_field="type", tag="worker.heartbeat.v1"):
    payload: WorkerHeartbeat


class ResolvedWorkQueue(Wire, kw_only=True):
    id: UUID
    name: str


class WorkPoolSnapshot(Wire, kw_only=True):
    snapshot_sequence: int
    reason: str
    work_pool: WorkPoolResponse


class WorkerReady(Wire, kw_only=True):
    consumer_id: UUID
    worker_id: UUID | None = None
    selected_channel_version: str = CHANNEL_VERSION
    effective_heartbeat_interval_seconds: int
    accepted_capabilities: list[str]
    rejected_capabilities: list[str] = []
    effective_max_cleanup_concurrency: int = 0
    resolved_work_queues: list[ResolvedWorkQueue]
    initial_snapshot: WorkPoolSnapshot
