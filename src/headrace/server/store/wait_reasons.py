"""SQL of wait reasons."""

from sqlalchemy import bindparam, literal_column, or_, select
from sqlalchemy.sql.elements import ColumnElement

from headrace.core.admission import ResourceKind
from headrace.server.store.claims import IS_LIVE
from headrace.server.store.database import Statement
from headrace.server.store.schema import deployment, flow_run, work_queue, worker

MAX_HOLDERS = 20
"""Holders that are named: a person looks at a few."""


def _holders(owned: ColumnElement[bool]) -> Statement:
    return Statement(
        select(flow_run.c.id, flow_run.c.name, flow_run.c.state_name)
        .where(owned, IS_LIVE)
        .order_by(flow_run.c.state_timestamp)
        .limit(MAX_HOLDERS)
    )


_queues_of_pool = select(work_queue.c.id).where(work_queue.c.work_pool_id == bindparam("id"))

_shared = select(deployment.c.shared_limit_id).where(deployment.c.id == bindparam("id"))
_sharing = select(deployment.c.id).where(deployment.c.shared_limit_id == _shared.scalar_subquery())

HOLDERS = {
    ResourceKind.WORK_POOL: _holders(flow_run.c.work_queue_id.in_(_queues_of_pool)),
    ResourceKind.WORK_QUEUE: _holders(flow_run.c.work_queue_id == bindparam("id")),
    ResourceKind.DEPLOYMENT: _holders(
        or_(flow_run.c.deployment_id == bindparam("id"), flow_run.c.deployment_id.in_(_sharing))
    ),
}

QUEUE_IS_SERVED = Statement(
    select(work_queue.c.id).where(
        work_queue.c.id == bindparam("queue"),
        or_(
            work_queue.c.last_polled > bindparam("since"),
            select(worker.c.id)
            .where(
                worker.c.work_pool_id == work_queue.c.work_pool_id,
                worker.c.status == literal_column("'ONLINE'"),
            )
            .exists(),
        ),
    )
)
DEPLOYMENT_IS_SERVED = Statement(
    select(deployment.c.id).where(
        deployment.c.id == bindparam("deployment"), deployment.c.last_polled > bindparam("since")
    )
)
