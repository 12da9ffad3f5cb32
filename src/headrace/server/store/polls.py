"""SQL of polls: what the contract's workers and runners ask for. Nothing is locked or taken."""

from collections.abc import Sequence

from msgspec import Struct
from sqlalchemy import BindParameter, Select, bindparam, or_, select
from sqlalchemy.sql.elements import ColumnElement

from headrace.server.store.claims import DEPLOYMENT_LIMIT, IS_CLAIMABLE
from headrace.server.store.database import Row, Statement
from headrace.server.store.flow_runs import SHAPE as FLOW_RUN_SHAPE
from headrace.server.store.flow_runs import SOURCE
from headrace.server.store.schema import deployment, flow_run, work_queue

EARLIEST = "0001-01-01T00:00:00.000000Z"
LATEST = "9999-12-31T23:59:59.999999Z"

HEAD = 5
"""Columns before those of the run: queue, pool, deployment, its limit and options."""


def _due(owned: ColumnElement[bool]) -> Statement:
    full: BindParameter[list[str]] = bindparam("full", expanding=True)
    query: Select[*tuple[object, ...]] = (
        select(
            work_queue.c.id,
            work_queue.c.work_pool_id,
            deployment.c.id,
            DEPLOYMENT_LIMIT,
            deployment.c.concurrency_options,
            *FLOW_RUN_SHAPE.columns,
        )
        .select_from(SOURCE.outerjoin(deployment, deployment.c.id == flow_run.c.deployment_id))
        .where(
            owned,
            IS_CLAIMABLE,
            flow_run.c.next_scheduled_start_time <= bindparam("before"),
            flow_run.c.next_scheduled_start_time >= bindparam("after"),
            or_(flow_run.c.deployment_id.is_(None), flow_run.c.deployment_id.not_in(full)),
        )
        .order_by(flow_run.c.next_scheduled_start_time, flow_run.c.id)
        .limit(bindparam("page"))
    )
    return Statement(query)


DUE_IN_QUEUE = _due(flow_run.c.work_queue_id == bindparam("owner"))
DUE_OF_DEPLOYMENT = _due(flow_run.c.deployment_id == bindparam("owner"))


def fill_run(row: Row) -> Struct:
    """The run of a row, to be encoded as part of an answer."""
    return FLOW_RUN_SHAPE.fill(row[HEAD:])


def encode_runs(rows: Sequence[Row]) -> bytes:
    """The runs of rows, as a JSON array."""
    return FLOW_RUN_SHAPE.encode_list([row[HEAD:] for row in rows])
