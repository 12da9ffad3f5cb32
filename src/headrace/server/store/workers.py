"""SQL of workers."""

from sqlalchemy import bindparam, case, delete, insert, literal_column, select, update

from headrace.server.store.database import Statement
from headrace.server.store.schema import work_pool, worker
from headrace.server.store.shapes import RowShape
from headrace.wire.workers import WorkerResponse

SHAPE = RowShape(WorkerResponse, worker.c)
LISTED = select(*SHAPE.columns).select_from(worker)

KNOWN = Statement(
    select(worker.c.id, worker.c.name, worker.c.status, worker.c.heartbeat_interval_seconds).where(
        worker.c.work_pool_id == bindparam("pool"), worker.c.name == bindparam("worker_name")
    )
)
INSERT = Statement(insert(worker))
BEAT = Statement(
    update(worker)
    .where(worker.c.work_pool_id == bindparam("pool"), worker.c.name == bindparam("worker_name"))
    .values(
        last_heartbeat_time=bindparam("at"),
        heartbeat_interval_seconds=bindparam("interval"),
        status=literal_column("'ONLINE'"),
        updated=bindparam("at"),
    )
)
LEFT = Statement(
    update(worker)
    .where(worker.c.work_pool_id == bindparam("pool"), worker.c.name == bindparam("worker_name"))
    .values(status=literal_column("'OFFLINE'"), updated=bindparam("now"))
)
DELETE = Statement(
    delete(worker).where(
        worker.c.work_pool_id == bindparam("pool"), worker.c.name == bindparam("worker_name")
    )
)

# What the status loop asks

ONLINE = Statement(
    select(
        worker.c.id,
        worker.c.work_pool_id,
        worker.c.last_heartbeat_time,
        worker.c.heartbeat_interval_seconds,
    ).where(worker.c.status == "ONLINE")
)
OFFLINE = Statement(
    update(worker)
    .where(
        worker.c.id == bindparam("gone"), worker.c.last_heartbeat_time == bindparam("last_heard")
    )
    .values(status=literal_column("'OFFLINE'"), updated=bindparam("now"))
)
POOL_STATUSES = Statement(
    select(
        work_pool.c.id,
        work_pool.c.status,
        case(
            (
                select(worker.c.id)
                .where(worker.c.work_pool_id == work_pool.c.id, worker.c.status == "ONLINE")
                .exists(),
                "READY",
            ),
            else_="NOT_READY",
        ),
    )
)
"""Each pool's status as stored and as its workers make it."""
