"""The loop that tells who is gone: workers go OFFLINE, their pools and queues NOT_READY."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from headrace.core.times import later, to_text
from headrace.server.services.liveness import Liveness
from headrace.server.services.loops.service import Pace
from headrace.server.services.signals import Signals
from headrace.server.store import work_pools, work_queues, workers
from headrace.server.store.database import Database, Row, Write

MISSED_HEARTBEATS = 3
"""Heartbeats in a row that a worker may miss."""

DEFAULT_INTERVAL_SECONDS = 30.0
"""The interval of a worker that named none: the contract's default."""

UNPOLLED_SECONDS = 60.0
"""Seconds without a poll after which a queue is not ready, as the contract's health policy has it."""


@dataclass(frozen=True, slots=True)
class WorkerStatusLoop:
    """Looks for workers and queues that were not heard of."""

    database: Database
    signals: Signals
    liveness: Liveness
    name: str = "worker_status"
    pace: Pace = field(default_factory=lambda: Pace(interval=10.0))
    topics: tuple[str, ...] = ("workers",)

    async def run_once(self, now: datetime) -> float | None:
        """Three queries; writes only what changed."""
        moment = to_text(now)
        online = await self.database.fetch_all(workers.ONLINE)
        gone = _find_gone(online, moment)
        if gone:
            await self.database.apply([Write(workers.OFFLINE, gone)])
            self.liveness.forget_offline()
        pools = await self.database.fetch_all(workers.POOL_STATUSES)
        changed: list[dict[str, object]] = [
            {"pool": pool, "new_status": status, "now": moment}
            for pool, stored, status in pools
            if stored != status
        ]
        quiet = {"since": later(moment, -UNPOLLED_SECONDS), "now": moment}
        unpolled = await self.database.fetch_all(work_queues.UNPOLLED, quiet)
        writes: list[Write] = []
        if changed:
            writes.append(Write(work_pools.SET_STATUS, changed))
        if unpolled:
            writes.append(Write(work_queues.SET_NOT_READY, quiet))
        if writes:
            await self.database.apply(writes)
            self.signals.publish("workers", *(f"pool:{one['pool']}" for one in changed))
        return None


def _find_gone(online: Sequence[Row], now: str) -> list[dict[str, object]]:
    """Workers that missed too many heartbeats, each with when it was heard of last."""
    gone: list[dict[str, object]] = []
    for worker_id, _, heard, interval in online:
        patience = MISSED_HEARTBEATS * (interval or DEFAULT_INTERVAL_SECONDS)
        if later(heard, patience) < now:
            gone.append({"gone": worker_id, "last_heard": heard, "now": now})
    return gone
