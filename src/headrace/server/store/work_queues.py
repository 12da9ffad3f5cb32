"""SQL of work queues."""

from sqlalchemy import (
    ColumnElement,
    and_,
    bindparam,
    case,
    delete,
    func,
    insert,
    literal_column,
    null,
    or_,
    select,
    update,
)

from headrace.server.store.claims import IS_LIVE
from headrace.server.store.database import Statement
from headrace.server.store.schema import flow_run, work_pool, work_queue
from headrace.server.store.shapes import RowShape
from headrace.wire.work_queues import WorkQueueResponse

_live_in_queue = (
    select(func.count())
    .select_from(flow_run)
    .where(flow_run.c.work_queue_id == work_queue.c.id, IS_LIVE)
    .scalar_subquery()
)

SHAPE = RowShape(
    WorkQueueResponse,
    work_queue.c,
    selected={
        "status": case((work_queue.c.is_paused, "PAUSED"), else_=work_queue.c.status).label(
            "shown_status"
        ),
        "active_slots": case(
            (work_queue.c.concurrency_limit.is_not(None), _live_in_queue), else_=null()
        ).label("active_slots"),
        "work_pool_name": work_pool.c.name.label("work_pool_name"),
    },
    constant={"filter": None},
)

SOURCE = work_queue.join(work_pool, work_pool.c.id == work_queue.c.work_pool_id)
LISTED = select(*SHAPE.columns).select_from(SOURCE)
BY_ID = Statement(LISTED.where(work_queue.c.id == bindparam("queue")))
BY_NAME = Statement(
    LISTED.where(work_pool.c.name == bindparam("pool"), work_queue.c.name == bindparam("queue"))
)
NAMED = Statement(
    LISTED.where(work_queue.c.name == bindparam("queue")).order_by(work_pool.c.created).limit(1)
)
"""The pool-less form of the contract: the oldest pool that has a queue of this name."""

PRIORITIES = Statement(
    select(work_queue.c.id, work_queue.c.name, work_queue.c.priority)
    .where(work_queue.c.work_pool_id == bindparam("pool"))
    .order_by(work_queue.c.priority)
)
IN_ORDER = (work_queue.c.priority, work_queue.c.id)

INSERT = Statement(insert(work_queue))
"""A work queue: the columns that are given."""

DELETE = Statement(delete(work_queue).where(work_queue.c.id == bindparam("queue")))

SETTABLE = ("name", "description", "is_paused", "concurrency_limit", "priority", "last_polled")
SET = {
    column: Statement(
        update(work_queue)
        .where(work_queue.c.id == bindparam("queue"))
        .values({column: bindparam("value"), "updated": bindparam("now")})
    )
    for column in SETTABLE
}
TOUCH = Statement(
    update(work_queue).where(work_queue.c.id == bindparam("queue")).values(updated=bindparam("now"))
)
POLLED = Statement(
    update(work_queue)
    .where(work_queue.c.id == bindparam("queue"))
    .values(last_polled=bindparam("polled"), status=literal_column("'READY'"))
)
"""Somebody polls the queue: that is what makes it ready."""

LATE = Statement(
    select(func.count())
    .select_from(flow_run)
    .where(
        flow_run.c.work_queue_id == bindparam("queue"),
        flow_run.c.state_type == literal_column("'SCHEDULED'"),
        flow_run.c.lease_owner.is_(None),
        flow_run.c.next_scheduled_start_time < bindparam("late"),
    )
)

LIVE_RUNS = Statement(
    select(
        flow_run.c.work_queue_id,
        flow_run.c.id,
        flow_run.c.name,
        flow_run.c.start_time,
        flow_run.c.state_name,
        flow_run.c.state_timestamp,
        flow_run.c.state_type,
    )
    .where(flow_run.c.work_queue_id == bindparam("queue"), IS_LIVE)
    .order_by(flow_run.c.state_timestamp, flow_run.c.id)
    .limit(bindparam("limit"))
    .offset(bindparam("offset"))
)
"""The runs that hold a queue's slots, oldest first."""


def is_unpolled(since: ColumnElement[str]) -> ColumnElement[bool]:
    """Whether a queue counts as ready though nobody has polled it since then."""
    return and_(
        work_queue.c.status == literal_column("'READY'"),
        or_(work_queue.c.last_polled.is_(None), work_queue.c.last_polled < since),
    )


SET_NOT_READY = Statement(
    update(work_queue)
    .where(work_queue.c.id == bindparam("queue"), is_unpolled(bindparam("since")))
    .values(status=literal_column("'NOT_READY'"), updated=bindparam("now"))
)
"""One that nobody polls any more."""
