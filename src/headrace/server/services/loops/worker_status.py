"""The loop that tells who is gone: workers go OFFLINE, their pools and queues NOT_READY."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from headrace.core.times import later, to_text
from headrace.server.services.liveness import Liveness, set_pool_status
from headrace.server.services.loops.service import Pace
from headrace.server.services.signals import Signals
from headrace.server.store import work_events as events
from headrace.server.store import work_queues, workers
from headrace.server.store.database import Database, Row, Transaction, Write

MISSED_HEARTBEATS = 3
"""Heartbeats in a row that a worker may miss."""

DEFAULT_INTERVAL_SECONDS = 30.0
"""The interval of a worker that named none: the contract's default."""

UNPOLLED_SECONDS = 60.0
"""Seconds without a poll after which a queue is not ready, as the contract's health policy has it."""


@dataclass(frozen=True, slots=True)
class WorkerStatusLoop:
    """Looks for workers and queues that were not heard of.

    Args:
        page: Queues of one transaction: two rows each.
    """

    database: Database
    signals: Signals
    liveness: Liveness
    page: int = 100
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
        changed = [(pool, status) for pool, stored, status in pools if stored != status]
        since = later(moment, -UNPOLLED_SECONDS)
        params = {"since": since, "page": self.page}
        unpolled = await self.database.fetch_all(events.QUEUES_GONE_QUIET, params)

        def work(tx: Transaction) -> None:
            for pool_id, status in changed:
                set_pool_status(tx, pool_id, status, moment)
            for row in unpolled:
                quiet = {"queue": row[0], "since": since, "now": moment}
                if tx.execute(work_queues.SET_NOT_READY, quiet):
                    events.record_poll_status(tx, row, "NOT_READY", moment)

        if changed or unpolled:
            await self.database.transact(work)
            self.signals.publish("workers", "events", *(f"pool:{pool}" for pool, _ in changed))
        return 0 if len(unpolled) == self.page else None


def _find_gone(online: Sequence[Row], now: str) -> list[dict[str, object]]:
    """Workers that missed too many heartbeats, each with when it was heard of last."""
    gone: list[dict[str, object]] = []
    for worker_id, _, heard, interval in online:
        patience = MISSED_HEARTBEATS * (interval or DEFAULT_INTERVAL_SECONDS)
        if later(heard, patience) < now:
            gone.append({"gone": worker_id, "last_heard": heard, "now": now})
    return gone
