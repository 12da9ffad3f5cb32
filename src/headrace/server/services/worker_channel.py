"""The worker channel: a worker says hello once, then sends heartbeats and is sent its pool's changes."""

from dataclasses import dataclass
from typing import Any

import msgspec

from headrace.core.ids import new_id
from headrace.core.times import now_text
from headrace.errors import Conflict, ObjectNotFound
from headrace.server.services.container import Services
from headrace.server.services.opening import open_pool
from headrace.server.services.work_pools import create_work_pool, read_work_pool
from headrace.server.store.database import Row
from headrace.server.store.work_pools import SHAPE
from headrace.wire.decode import encode
from headrace.wire.work_pools import WorkPoolCreate
from headrace.wire.worker_channel import CAPABILITIES, CHANNEL_VERSION, WorkerHello

DEFAULT_HEARTBEAT_SECONDS = 30
"""For a worker that names no interval: the contract's default."""

_AT = SHAPE.positions


@dataclass(slots=True)
class Channel:
    """One worker's connection after its hello.

    Args:
        pool_id: The pool that it serves.
        name: The worker's name.
        heartbeat_seconds: How often it promises to be heard of.
        queues: The queues that it takes from, each with id and name.
        sequence: Number of the newest snapshot that it was sent.
        shown: The pool as it was sent: only a change is news.
    """

    pool_id: str
    name: str
    heartbeat_seconds: int
    queues: list[dict[str, str]]
    sequence: int = 1
    shown: bytes = b""


async def greet(services: Services, pool: str, hello: WorkerHello) -> tuple[Channel, bytes]:
    """Register a worker; its channel and the `worker.ready.v1` frame.

    Raises `ObjectNotFound` (the pool) and `Conflict` (no version of the channel in common).
    """
    if CHANNEL_VERSION not in hello.supported_channel_versions:
        versions = ", ".join(hello.supported_channel_versions) or "none"
        raise Conflict(f"This server speaks {CHANNEL_VERSION}; the worker speaks {versions}.")
    row = await _find_or_make(services, pool, hello)
    pool_id: str = row[_AT["id"]]
    interval = hello.heartbeat_interval_seconds or DEFAULT_HEARTBEAT_SECONDS
    await services.liveness.beat(pool_id, hello.worker_name, interval)
    _, look = await open_pool(services, row[_AT["name"]], hello.work_queue_names)
    queues = [{"id": lane.id, "name": lane.name} for lane in look.lanes]
    channel = Channel(pool_id, hello.worker_name, interval, queues)
    channel.shown = SHAPE.encode(await read_work_pool(services.database, row[_AT["name"]]))
    payload = {
        "consumer_id": hello.consumer_id,
        "worker_id": None,
        "selected_channel_version": CHANNEL_VERSION,
        "effective_heartbeat_interval_seconds": interval,
        # One that is not known is passed over: newer clients ask for more than there is.
        "accepted_capabilities": [c for c in CAPABILITIES if c in hello.requested_capabilities],
        "rejected_capabilities": [],
        "effective_max_cleanup_concurrency": 0,
        "resolved_work_queues": queues,
        "initial_snapshot": _snapshot(channel, "initial"),
    }
    return channel, _frame("worker.ready.v1", payload)


async def refresh(services: Services, channel: Channel) -> bytes | None:
    """The `work_pool.snapshot.v1` frame when the pool has changed since the last one.

    Raises `ObjectNotFound` when the pool is gone.
    """
    shown = SHAPE.encode(await read_work_pool(services.database, channel.pool_id))
    if shown == channel.shown:
        return None
    channel.shown = shown
    channel.sequence += 1
    return _frame("work_pool.snapshot.v1", _snapshot(channel, "work_pool_updated"))


async def _find_or_make(services: Services, pool: str, hello: WorkerHello) -> Row:
    try:
        return await read_work_pool(services.database, pool)
    except ObjectNotFound:
        if not hello.create_pool_if_not_found:
            raise
    template = hello.default_base_job_template
    body = WorkPoolCreate(name=pool, type=hello.worker_type, base_job_template=template)
    return await create_work_pool(services.database, services.signals, body)


def _snapshot(channel: Channel, reason: str) -> dict[str, Any]:
    return {
        "snapshot_sequence": channel.sequence,
        "reason": reason,
        "work_pool": msgspec.Raw(channel.shown),
    }


def _frame(kind: str, payload: dict[str, Any]) -> bytes:
    return encode({"type": kind, "id": new_id(), "sent_at": now_text(), "payload": payload})
