"""Workers: what their operations mean."""

from sqlalchemy import ColumnElement, and_, or_

from headrace.core.times import to_text
from headrace.errors import ObjectNotFound
from headrace.server.services.liveness import Liveness
from headrace.server.services.work_pools import find_pool_id
from headrace.server.store import workers as store
from headrace.server.store.database import Database, Row
from headrace.server.store.schema import worker
from headrace.wire.filters import Operator
from headrace.wire.workers import WorkerFilter


async def filter_workers(
    database: Database, pool: str, given: WorkerFilter | None, limit: int, offset: int
) -> list[Row]:
    """Workers of a pool, the one heard of last first. Raises `ObjectNotFound` for the pool."""
    pool_id = await find_pool_id(database, pool)
    query = store.LISTED.where(worker.c.work_pool_id == pool_id)
    if given is not None:
        conditions = _conditions(given)
        joined = or_(*conditions) if given.operator is Operator.OR else and_(*conditions)
        query = query.where(joined) if conditions else query
    query = query.order_by(worker.c.last_heartbeat_time.desc(), worker.c.id)
    return await database.fetch_all(query.limit(limit).offset(offset))


async def delete_worker(database: Database, liveness: Liveness, pool: str, name: str) -> None:
    """Forget a worker; one that is alive registers again with its next heartbeat."""
    pool_id = await find_pool_id(database, pool)
    found = {"pool": pool_id, "worker_name": name}
    liveness.forget(pool_id, name)
    if await database.transact(lambda tx: tx.execute(store.DELETE, found)) != 1:
        raise ObjectNotFound(f"Work pool {pool!r} has no worker named {name!r}.")


def _conditions(given: WorkerFilter) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = []
    times, statuses = given.last_heartbeat_time, given.status
    if times is not None and times.after_ is not None:
        conditions.append(worker.c.last_heartbeat_time >= to_text(times.after_))
    if times is not None and times.before_ is not None:
        conditions.append(worker.c.last_heartbeat_time <= to_text(times.before_))
    if statuses is not None and statuses.any_ is not None:
        conditions.append(worker.c.status.in_([one.value for one in statuses.any_]))
    if statuses is not None and statuses.not_any_ is not None:
        conditions.append(worker.c.status.not_in([one.value for one in statuses.not_any_]))
    return conditions
