"""Whether a queue is polled and keeps up with its runs."""

from headrace.core.times import later, now_text, seconds_between, to_datetime
from headrace.server.services.work_queues import read_work_queue
from headrace.server.store import work_queues as store
from headrace.server.store.database import Database
from headrace.wire.work_queues import WorkQueueHealthPolicy, WorkQueueStatusDetail

_AT = store.SHAPE.positions
POLICY = WorkQueueHealthPolicy()
"""The contract's: polled within a minute, no late run."""

LATE_SECONDS = 15.0
"""Seconds after its time that a run counts as late, as for the state Late."""


async def read_status(database: Database, queue_id: str) -> WorkQueueStatusDetail:
    """A queue's health. Raises `ObjectNotFound`."""
    queue = await read_work_queue(database, queue_id)
    now = now_text()
    late = await database.fetch_all(
        store.LATE, {"queue": queue_id, "late": later(now, -LATE_SECONDS)}
    )
    late_runs: int = late[0][0]
    polled: str | None = queue[_AT["last_polled"]]
    is_polled = polled is not None and seconds_between(polled, now) <= (
        POLICY.maximum_seconds_since_last_polled or 0
    )
    return WorkQueueStatusDetail(
        healthy=is_polled and late_runs <= (POLICY.maximum_late_runs or 0),
        late_runs_count=late_runs,
        last_polled=None if polled is None else to_datetime(polled),
        health_check_policy=POLICY,
    )
