"""SQL of leases: renewing them, finding those that ran out, heartbeats."""

from sqlalchemy import BindParameter, bindparam, func, null, select, update

from headrace.server.store.database import Statement
from headrace.server.store.facts import FLOW_RUN_COLUMNS, FLOW_RUN_SOURCE
from headrace.server.store.schema import flow_run, work_pool


def _many(name: str) -> BindParameter[list[str]]:
    return bindparam(name, expanding=True)


LEASES = Statement(
    select(
        flow_run.c.id,
        flow_run.c.epoch,
        flow_run.c.state_type,
        flow_run.c.lease_owner,
        flow_run.c.empirical_policy,
    ).where(flow_run.c.id.in_(_many("ids")))
)
RENEW = Statement(
    update(flow_run)
    .where(flow_run.c.id.in_(_many("ids")), flow_run.c.lease_owner == bindparam("owner"))
    .values(lease_expires=bindparam("expires"))
)

LEASED_RUNS = Statement(
    select(*FLOW_RUN_COLUMNS)
    .select_from(FLOW_RUN_SOURCE)
    .where(flow_run.c.id.in_(_many("ids")))
    .with_for_update(of=flow_run)
)
"""Runs as a change of their state needs them, locked until the end of the transaction."""

EXPIRED = Statement(
    select(*FLOW_RUN_COLUMNS, work_pool.c.type)
    .select_from(FLOW_RUN_SOURCE)
    .where(flow_run.c.lease_expires.is_not(None), flow_run.c.lease_expires <= bindparam("now"))
    .order_by(flow_run.c.lease_expires)
    .limit(bindparam("page"))
    .with_for_update(of=flow_run, skip_locked=True)
)
"""Runs whose lease ran out, and the type of their pool."""

HELD_RUNS = Statement(
    select(*FLOW_RUN_COLUMNS, work_pool.c.type)
    .select_from(FLOW_RUN_SOURCE)
    .where(flow_run.c.id.in_(_many("ids")), flow_run.c.lease_owner == bindparam("owner"))
    .with_for_update(of=flow_run)
)
"""Runs of one holder, and the type of their pool."""

FIRST_EXPIRY = Statement(
    select(func.min(flow_run.c.lease_expires)).where(flow_run.c.lease_expires.is_not(None))
)

LIVE = Statement(
    select(flow_run.c.id, flow_run.c.lease_kind, flow_run.c.lease_expires)
    .where(flow_run.c.lease_expires > bindparam("after"), flow_run.c.id > bindparam("last"))
    .order_by(flow_run.c.id)
    .limit(bindparam("page"))
    .with_for_update()
)
"""Leases that had not run out at a moment, a page at a time."""
PROLONG = Statement(
    update(flow_run)
    .where(flow_run.c.id == bindparam("run"))
    .values(lease_expires=bindparam("expires"))
)

LET_GO = Statement(
    update(flow_run)
    .where(flow_run.c.id == bindparam("run"))
    .values(lease_owner=null(), lease_kind=null(), lease_expires=null(), claim_id=null())
)

HEARTBEATS = Statement(
    select(flow_run.c.id, flow_run.c.last_heartbeat, flow_run.c.lease_kind, flow_run.c.state_type)
    .where(flow_run.c.id.in_(_many("ids")))
    .with_for_update()
)
BEAT = Statement(
    update(flow_run)
    .where(flow_run.c.id == bindparam("run"))
    .values(
        last_heartbeat=bindparam("at"),
        lease_kind=bindparam("kind"),
        lease_expires=bindparam("expires"),
    )
)
