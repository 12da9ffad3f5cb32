"""Who holds the slots of a pool or queue: the contract's concurrency status."""

from datetime import datetime
from uuid import UUID

from headrace.core.times import now_text, seconds_between, to_datetime
from headrace.server.services.work_pools import read_work_pool
from headrace.server.services.work_queues import read_work_queue
from headrace.server.store import claims as claim_sql
from headrace.server.store import work_pools, work_queues
from headrace.server.store.database import Database, Row
from headrace.server.store.schema import work_queue
from headrace.wire.states import StateType
from headrace.wire.work_pools import WorkPoolConcurrencyStatus
from headrace.wire.work_queues import (
    FlowRunSlotSummary,
    WorkQueueConcurrencyStatus,
    WorkQueueConcurrencyStatusDetail,
)

_POOL = work_pools.SHAPE.positions
_QUEUE = work_queues.SHAPE.positions


async def pool_slots(
    database: Database, pool: str, *, page: int, limit: int, runs_each: int
) -> WorkPoolConcurrencyStatus:
    """A pool's slots by queue, a page of queues at a time.

    Args:
        database: Where they are counted.
        pool: Its name or id.
        page: From 1.
        limit: Queues of a page.
        runs_each: Runs that are named of each queue, at most.
    """
    found = await read_work_pool(database, pool)
    query = (
        work_queues.LISTED.where(work_queue.c.work_pool_id == found[_POOL["id"]])
        .order_by(*work_queues.IN_ORDER)
        .limit(1000)  # more queues than a pool has in practice: the count is of all of them
    )
    queues = await database.fetch_all(query)
    live = await _count_live(database, queues)
    details = [
        WorkQueueConcurrencyStatusDetail(
            queue_id=UUID(queue[_QUEUE["id"]]),
            queue_name=queue[_QUEUE["name"]],
            active_slots=live.get(queue[_QUEUE["id"]], 0),
            concurrency_limit=queue[_QUEUE["concurrency_limit"]],
            flow_runs=await _live_runs(database, queue[_QUEUE["id"]], runs_each, 0),
            flow_run_count=live.get(queue[_QUEUE["id"]], 0),
        )
        for queue in queues[(page - 1) * limit : page * limit]
    ]
    return WorkPoolConcurrencyStatus(
        active_slots=sum(live.values()),
        concurrency_limit=found[_POOL["concurrency_limit"]],
        queues=details,
        count=len(queues),
        limit=limit,
        pages=_pages(len(queues), limit),
        page=page,
    )


async def queue_slots(
    database: Database, queue_id: str, *, page: int, limit: int
) -> WorkQueueConcurrencyStatus:
    """A queue's slots, a page of runs at a time."""
    queue = await read_work_queue(database, queue_id)
    live = (await _count_live(database, [queue])).get(queue_id, 0)
    return WorkQueueConcurrencyStatus(
        active_slots=live,
        concurrency_limit=queue[_QUEUE["concurrency_limit"]],
        flow_runs=await _live_runs(database, queue_id, limit, (page - 1) * limit),
        count=live,
        limit=limit,
        pages=_pages(live, limit),
        page=page,
    )


def _pages(count: int, limit: int) -> int:
    return -(-count // limit) if limit else 0


async def _count_live(database: Database, queues: list[Row]) -> dict[str, int]:
    ids = [queue[_QUEUE["id"]] for queue in queues]
    rows = await database.fetch_all(claim_sql.LIVE_IN_QUEUES, {"ids": ids}) if ids else []
    return dict(rows)


async def _live_runs(
    database: Database, queue_id: str, limit: int, offset: int
) -> list[FlowRunSlotSummary]:
    if limit <= 0:
        return []
    rows = await database.fetch_all(
        work_queues.LIVE_RUNS, {"queue": queue_id, "limit": limit, "offset": offset}
    )
    now = now_text()
    return [
        FlowRunSlotSummary(
            id=UUID(id_),
            name=name,
            start_time=_moment(start),
            state_name=state_name,
            state_timestamp=_moment(since),
            state_type=None if state_type is None else StateType(state_type),
            time_in_current_state=None if since is None else max(0.0, seconds_between(since, now)),
        )
        for _, id_, name, start, state_name, since, state_type in rows
    ]


def _moment(text: str | None) -> datetime | None:
    return None if text is None else to_datetime(text)
