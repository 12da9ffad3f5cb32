"""SQL of claims: what is due, who may take it, who holds it.

The conditions on `state_type` are literals, not parameters: SQLite uses a partial index only when it
sees at compile time that the query implies the index's condition.
"""

from typing import Any

from sqlalchemy import (
    BindParameter,
    ColumnElement,
    Integer,
    Select,
    and_,
    bindparam,
    case,
    cast,
    func,
    literal_column,
    null,
    or_,
    select,
    update,
)

from headrace.server.store.database import Statement
from headrace.server.store.facts import FLOW_RUN_COLUMNS, FLOW_RUN_SOURCE
from headrace.server.store.schema import (
    concurrency_lease,
    concurrency_limit,
    concurrency_slot,
    deployment,
    flow_run,
    work_pool,
    work_queue,
)


def _many(name: str) -> BindParameter[list[str]]:
    return bindparam(name, expanding=True)


def _literal(text: str) -> ColumnElement[str]:
    return literal_column(f"'{text}'")


# As the indexes of schema.py say it, in the same order.
IS_CLAIMABLE = and_(
    flow_run.c.state_type == _literal("SCHEDULED"), flow_run.c.lease_owner.is_(None)
)
IS_LIVE = flow_run.c.state_type.in_(
    [_literal("PENDING"), _literal("RUNNING"), _literal("CANCELLING")]
)

_of_queue = flow_run.c.work_queue_id == work_queue.c.id
_of_deployment = flow_run.c.deployment_id == deployment.c.id


# What limits a deployment: a figure of its own, or a limit that it shares

_is_shared = concurrency_limit.c.id == deployment.c.shared_limit_id


def _of_shared(column: ColumnElement[Any], *conditions: ColumnElement[bool]) -> Any:
    return select(column).where(_is_shared, *conditions).correlate(deployment).scalar_subquery()


SHARED_LIMIT = _of_shared(concurrency_limit.c.name)
"""The name of the limit that a deployment shares."""

DEPLOYMENT_LIMIT = func.coalesce(
    deployment.c.concurrency_limit,
    _of_shared(concurrency_limit.c.limit, concurrency_limit.c.active),
)
"""How many of its runs may be live; a limit that is switched off limits nothing."""

_sharing = deployment.alias("sharing")
_live_of_sharing = (
    select(func.count())
    .select_from(_sharing.join(flow_run, flow_run.c.deployment_id == _sharing.c.id))
    .where(_sharing.c.shared_limit_id == deployment.c.shared_limit_id, IS_LIVE)
    .correlate(deployment)
    .scalar_subquery()
)
_leased = (
    select(func.coalesce(func.sum(concurrency_lease.c.slots), 0))
    .select_from(
        concurrency_slot.join(
            concurrency_lease, concurrency_lease.c.id == concurrency_slot.c.lease_id
        )
    )
    .where(concurrency_slot.c.limit_id == deployment.c.shared_limit_id)
    .correlate(deployment)
    .scalar_subquery()
)
_taken = _of_shared(
    case((concurrency_limit.c.slot_decay_per_second > 0, 0), else_=concurrency_limit.c.taken)
)
_live_of_deployment = (
    select(func.count())
    .select_from(flow_run)
    .where(_of_deployment, IS_LIVE)
    .correlate(deployment)
    .scalar_subquery()
)
DEPLOYMENT_SLOTS = case(
    (
        deployment.c.shared_limit_id.is_not(None),
        _live_of_sharing + _leased + cast(func.coalesce(_taken, 0), Integer),
    ),
    (deployment.c.concurrency_limit.is_not(None), _live_of_deployment),
    else_=null(),
)
"""How many slots of a deployment's limit are in use, where it has one: else nobody counts."""


# Looking, before anything is taken


def _first_due(owned: ColumnElement[bool]) -> ColumnElement[str]:
    """When the first scheduled run is due: one seek in an index."""
    query = select(func.min(flow_run.c.next_scheduled_start_time)).where(owned, IS_CLAIMABLE)
    return query.scalar_subquery()


def _live(owned: ColumnElement[bool], needed: ColumnElement[bool]) -> ColumnElement[int | None]:
    """How many runs hold a slot, where somebody limits them: else nobody counts."""
    count = select(func.count()).select_from(flow_run).where(owned, IS_LIVE).scalar_subquery()
    return case((needed, count), else_=null())


_queue_is_limited = or_(
    work_queue.c.concurrency_limit.is_not(None), work_pool.c.concurrency_limit.is_not(None)
)
_pool_columns = (
    work_pool.c.id,
    work_pool.c.name,
    work_pool.c.is_paused,
    work_pool.c.concurrency_limit,
)
_queue_columns = (
    work_queue.c.id,
    work_queue.c.name,
    work_queue.c.is_paused,
    work_queue.c.concurrency_limit,
)

QUEUES_OF_POOL = Statement(
    select(
        *_pool_columns,
        *_queue_columns,
        _first_due(_of_queue),
        _live(_of_queue, _queue_is_limited),
    )
    .join_from(work_pool, work_queue, work_queue.c.work_pool_id == work_pool.c.id)
    .where(work_pool.c.name == bindparam("pool"))
    .order_by(work_queue.c.priority, work_queue.c.id)
)
"""A pool with its queues in waterfall order; each with its first due time and slots in use.

The whole of an idle poll: `pool id, name, paused, limit, queue id, name, paused, limit, due, live`.
"""

DEPLOYMENTS = Statement(
    select(
        deployment.c.id,
        deployment.c.name,
        DEPLOYMENT_LIMIT,
        SHARED_LIMIT,
        _first_due(_of_deployment),
        DEPLOYMENT_SLOTS,
    ).where(deployment.c.id.in_(_many("ids")))
)
"""Served deployments: `id, name, limit, the limit's name if shared, due, live`."""

FIRST_DUE_AFTER_IN_QUEUES = Statement(
    select(
        select(func.min(flow_run.c.next_scheduled_start_time))
        .where(_of_queue, IS_CLAIMABLE, flow_run.c.next_scheduled_start_time > bindparam("horizon"))
        .scalar_subquery()
    ).where(work_queue.c.id.in_(_many("ids")))
)
"""For each queue, when the next run after `horizon` is due: where those before it are blocked."""

FIRST_DUE_AFTER_OF_DEPLOYMENTS = Statement(
    select(
        select(func.min(flow_run.c.next_scheduled_start_time))
        .where(
            _of_deployment,
            IS_CLAIMABLE,
            flow_run.c.next_scheduled_start_time > bindparam("horizon"),
        )
        .scalar_subquery()
    ).where(deployment.c.id.in_(_many("ids")))
)
"""The same for served deployments."""


# Candidates: a run with everything that must admit it


CANDIDATE_COLUMNS = (
    *FLOW_RUN_COLUMNS,
    flow_run.c.next_scheduled_start_time,
    flow_run.c.wait_reason,
    DEPLOYMENT_LIMIT,
    SHARED_LIMIT,
    deployment.c.concurrency_options,
    work_queue.c.is_paused,
    work_queue.c.concurrency_limit,
    work_pool.c.is_paused,
    work_pool.c.concurrency_limit,
)


def _candidates() -> Select[*tuple[Any, ...]]:
    return select(*CANDIDATE_COLUMNS).select_from(FLOW_RUN_SOURCE)


def _due() -> Select[*tuple[Any, ...]]:
    """Due runs in their order, each locked by the one who takes it."""
    passed_over = or_(
        flow_run.c.deployment_id.is_(None), flow_run.c.deployment_id.not_in(_many("full"))
    )
    return (
        _candidates()
        .where(
            IS_CLAIMABLE, flow_run.c.next_scheduled_start_time <= bindparam("horizon"), passed_over
        )
        .order_by(flow_run.c.next_scheduled_start_time, flow_run.c.id)
        .limit(bindparam("page"))
        .with_for_update(skip_locked=True, of=flow_run)
    )


DUE_IN_QUEUE = Statement(_due().where(flow_run.c.work_queue_id == bindparam("owner")))
DUE_OF_DEPLOYMENT = Statement(_due().where(flow_run.c.deployment_id == bindparam("owner")))
CANDIDATE = Statement(_candidates().where(flow_run.c.id == bindparam("id")))

LOCK_RUN = Statement(
    select(flow_run.c.id).where(flow_run.c.id == bindparam("id")).with_for_update()
)


# Counting slots, under their locks


LIVE_IN_POOLS = Statement(
    select(work_queue.c.work_pool_id, func.count())
    .select_from(work_queue)
    .join(flow_run, and_(_of_queue, IS_LIVE))
    .where(work_queue.c.work_pool_id.in_(_many("ids")))
    .group_by(work_queue.c.work_pool_id)
)
LIVE_IN_QUEUES = Statement(
    select(flow_run.c.work_queue_id, func.count())
    .where(flow_run.c.work_queue_id.in_(_many("ids")), IS_LIVE)
    .group_by(flow_run.c.work_queue_id)
)
LIVE_OF_DEPLOYMENTS = Statement(
    select(deployment.c.id, DEPLOYMENT_SLOTS).where(deployment.c.id.in_(_many("ids")))
)
"""Slots in use of the limits of deployments, all of which have one."""


# Taking and giving back


HELD_BY_CLAIM = Statement(
    select(flow_run.c.id, flow_run.c.epoch).where(
        flow_run.c.claim_id == bindparam("claim"),
        flow_run.c.claim_id.is_not(None),
        # Not to be searched by: an owner may hold hundreds, a claim holds a few.
        func.coalesce(flow_run.c.lease_owner, "") == bindparam("owner"),
        IS_LIVE,
    )
)
"""What a claim took when it was made before: the answer to its repetition."""

EXTEND = Statement(
    update(flow_run)
    .where(flow_run.c.id.in_(_many("ids")))
    .values(lease_expires=bindparam("expires"))
)
TELL_REASON = Statement(
    update(flow_run)
    .where(flow_run.c.id == bindparam("run"))
    .values(wait_reason=bindparam("reason"))
)
CANCELLING_OF_OWNER = Statement(
    select(flow_run.c.id).where(
        flow_run.c.lease_owner == bindparam("owner"),
        flow_run.c.lease_owner.is_not(None),
        flow_run.c.state_type == _literal("CANCELLING"),
    )
)
