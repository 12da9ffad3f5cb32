"""SQL of work pools."""

from sqlalchemy import bindparam, case, delete, func, insert, null, select, update
from sqlalchemy.sql.elements import ColumnElement

from headrace.server.store.claims import IS_LIVE
from headrace.server.store.database import Statement
from headrace.server.store.schema import flow_run, work_pool, work_queue
from headrace.server.store.shapes import RowShape
from headrace.wire.work_pools import WorkPoolResponse

AGENT_TYPE = "prefect-agent"
"""The type of pools that no worker serves: the contract gives them no status."""

_live_in_pool = (
    select(func.count())
    .select_from(flow_run.join(work_queue, work_queue.c.id == flow_run.c.work_queue_id))
    .where(work_queue.c.work_pool_id == work_pool.c.id, IS_LIVE)
    .scalar_subquery()
)

STATUS: ColumnElement[str | None] = case(
    (work_pool.c.type == AGENT_TYPE, null()),
    (work_pool.c.is_paused, "PAUSED"),
    else_=work_pool.c.status,
)
"""The column says whether a worker is online; a pause only hides that."""

SHAPE = RowShape(
    WorkPoolResponse,
    work_pool.c,
    selected={
        "status": STATUS.label("shown_status"),
        # Counted only where somebody limits it, as the contract has it.
        "active_slots": case(
            (work_pool.c.concurrency_limit.is_not(None), _live_in_pool), else_=null()
        ).label("active_slots"),
    },
)

LISTED = select(*SHAPE.columns).select_from(work_pool)
BY_NAME = Statement(LISTED.where(work_pool.c.name == bindparam("pool")))
BY_ID = Statement(LISTED.where(work_pool.c.id == bindparam("pool")))
NAME_OF_ID = Statement(select(work_pool.c.name).where(work_pool.c.id == bindparam("pool")))
ID_OF_NAME = Statement(select(work_pool.c.id).where(work_pool.c.name == bindparam("pool")))

INSERT = Statement(insert(work_pool))
"""A work pool: the columns that are given."""

DELETE = Statement(delete(work_pool).where(work_pool.c.id == bindparam("pool")))

SETTABLE = (
    "base_job_template",
    "concurrency_limit",
    "description",
    "is_paused",
    "storage_configuration",
)
SET = {
    column: Statement(
        update(work_pool)
        .where(work_pool.c.id == bindparam("pool"))
        .values({column: bindparam("value"), "updated": bindparam("now")})
    )
    for column in SETTABLE
}
TOUCH = Statement(
    update(work_pool).where(work_pool.c.id == bindparam("pool")).values(updated=bindparam("now"))
)
SET_STATUS = Statement(
    update(work_pool)
    .where(work_pool.c.id == bindparam("pool"), work_pool.c.status != bindparam("new_status"))
    .values(status=bindparam("new_status"), updated=bindparam("now"))
)
