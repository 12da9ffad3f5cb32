"""SQL of concurrency limits, their leases and slots."""

from typing import Final, NamedTuple

from sqlalchemy import (
    ColumnElement,
    and_,
    bindparam,
    delete,
    exists,
    func,
    insert,
    or_,
    select,
    update,
)

from headrace.core.concurrency import decayed, whole
from headrace.core.states import TERMINAL
from headrace.core.times import seconds_between
from headrace.server.store.claims import IS_LIVE
from headrace.server.store.database import Statement
from headrace.server.store.schema import (
    Timestamp,
    concurrency_lease,
    concurrency_limit,
    concurrency_slot,
    deployment,
    flow_run,
    task_run,
)

_limit, _lease, _slot = concurrency_limit.c, concurrency_lease.c, concurrency_slot.c


def _is_held() -> ColumnElement[bool]:
    return or_(_lease.expires.is_(None), _lease.expires > bindparam("now", type_=Timestamp()))


_RUNNING = (
    select(func.count())
    .select_from(deployment.join(flow_run, flow_run.c.deployment_id == deployment.c.id))
    .where(deployment.c.shared_limit_id == _limit.id, IS_LIVE)
    .correlate(concurrency_limit)
    .scalar_subquery()
)
_LEASED = (
    select(func.coalesce(func.sum(_lease.slots), 0))
    .select_from(concurrency_slot.join(concurrency_lease, _lease.id == _slot.lease_id))
    .where(_slot.limit_id == _limit.id, _is_held())
    .scalar_subquery()
)


class Limit(NamedTuple):
    """One limit with what is taken of it; the columns of `LIMITS`."""

    id: str
    created: str
    updated: str
    name: str
    limit: int
    active: bool
    decay: float
    occupancy: float
    denied: int
    taken: float
    taken_at: str
    leased: int

    def loose(self, now: str) -> float:
        """Slots that are taken without a lease."""
        return decayed(self.taken, self.decay, seconds_between(self.taken_at, now))

    def active_slots(self, now: str) -> int:
        """Slots that are taken, by live runs of deployments too."""
        return whole(self.loose(now)) + int(self.leased)


LIMITS: Final = select(
    _limit.id,
    _limit.created,
    _limit.updated,
    _limit.name,
    _limit.limit,
    _limit.active,
    _limit.slot_decay_per_second,
    _limit.avg_slot_occupancy_seconds,
    _limit.denied_slots,
    _limit.taken,
    _limit.taken_at,
    (_LEASED + _RUNNING).label("leased"),
)
"""Rows of `Limit`; takes the parameter `now`."""

BY_ID: Final = Statement(LIMITS.where(_limit.id == bindparam("key")))
BY_NAME: Final = Statement(LIMITS.where(_limit.name == bindparam("key")))
BY_NAMES: Final = Statement(
    LIMITS.where(_limit.name.in_(bindparam("names", expanding=True))).order_by(_limit.name)
)
BY_LEASE: Final = Statement(
    LIMITS.join(concurrency_slot, _slot.limit_id == _limit.id).where(
        _slot.lease_id == bindparam("lease_id")
    )
)
NAMED: Final = Statement(
    LIMITS.where(_limit.name.like(bindparam("prefix") + "%"))
    .order_by(_limit.name)
    .limit(bindparam("limit"))
    .offset(bindparam("offset"))
)
"""Those whose names begin so, a page of them."""

INSERT: Final = Statement(insert(concurrency_limit))
CHANGE: Final = {
    column: Statement(
        update(concurrency_limit)
        .where(_limit.id == bindparam("limit_id"))
        .values({column: bindparam("value"), "updated": bindparam("now")})
    )
    for column in ("name", "limit", "active", "slot_decay_per_second", "denied_slots")
}
TAKE: Final = Statement(
    update(concurrency_limit)
    .where(_limit.id == bindparam("limit_id"))
    .values(taken=bindparam("count"), taken_at=bindparam("now"), updated=bindparam("now"))
)
DENY: Final = Statement(
    update(concurrency_limit)
    .where(_limit.id == bindparam("limit_id"))
    .values(denied_slots=bindparam("count"))
)
OCCUPY: Final = Statement(
    update(concurrency_limit)
    .where(_limit.id == bindparam("limit_id"))
    .values(avg_slot_occupancy_seconds=bindparam("seconds"))
)
DELETE: Final = Statement(delete(concurrency_limit).where(_limit.id == bindparam("limit_id")))
UNSHARE: Final = Statement(
    update(deployment)
    .where(deployment.c.shared_limit_id == bindparam("limit_id"))
    .values(shared_limit_id=None)
)

# Leases

INSERT_LEASE: Final = Statement(insert(concurrency_lease))
INSERT_SLOT: Final = Statement(insert(concurrency_slot))
LEASE: Final = Statement(
    select(_lease.id, _lease.slots).where(_lease.id == bindparam("lease_id"), _is_held())
)
RENEW: Final = Statement(
    update(concurrency_lease)
    .where(_lease.id == bindparam("lease_id"))
    .values(expires=bindparam("until"), updated=bindparam("now"))
)
RELEASE: Final = Statement(delete(concurrency_lease).where(_lease.id == bindparam("lease_id")))
RELEASE_LIMIT: Final = Statement(
    delete(concurrency_slot).where(_slot.limit_id == bindparam("limit_id"))
)
"""Take a limit's slots away from all who hold them; their leases hold other limits' still."""

HOLDERS: Final = Statement(
    select(_slot.limit_id, _lease.holder_id, _lease.slots)
    .select_from(concurrency_slot.join(concurrency_lease, _lease.id == _slot.lease_id))
    .where(_slot.limit_id.in_(bindparam("limits", expanding=True)), _is_held())
    .where(_lease.holder_id.is_not(None))
    .order_by(_lease.created, _lease.id)
)
RELEASE_HOLDER: Final = Statement(
    delete(concurrency_slot)
    .where(_slot.limit_id.in_(bindparam("limits", expanding=True)))
    .where(_slot.lease_id.in_(select(_lease.id).where(_lease.holder_id == bindparam("holder_id"))))
)
HELD: Final = Statement(
    select(_slot.limit_id)
    .select_from(concurrency_slot.join(concurrency_lease, _lease.id == _slot.lease_id))
    .where(_lease.holder_id == bindparam("holder_id"), _is_held())
)
"""The limits of which somebody holds slots."""
RELEASE_TASK: Final = Statement(
    delete(concurrency_lease)
    .where(_lease.holder_id == bindparam("holder_id"), _lease.holder_type == "task_run")
    .where(_lease.expires.is_(None))
)
"""End what a task run holds without an end of its own; what its client renews, its client ends."""
EXPIRED: Final = Statement(
    delete(concurrency_lease).where(_lease.expires <= bindparam("now", type_=Timestamp()))
)
_OVER: Final = sorted(state.value for state in TERMINAL)
_ENDED_TASK: Final = exists().where(
    task_run.c.id == _lease.holder_id, task_run.c.state_type.in_(_OVER)
)
_ENDED_FLOW: Final = exists().where(
    task_run.c.id == _lease.holder_id,
    flow_run.c.id == task_run.c.flow_run_id,
    flow_run.c.state_type.in_(_OVER),
)
FORGOTTEN: Final = Statement(
    delete(concurrency_lease)
    .where(_lease.expires.is_(None), _lease.holder_type == "task_run")
    .where(
        or_(
            _ENDED_TASK,
            _ENDED_FLOW,
            and_(
                ~exists().where(task_run.c.id == _lease.holder_id),
                _lease.created < bindparam("unknown_before", type_=Timestamp()),
            ),
        )
    )
)
"""Leases without an end of their own whose task run, or its flow run, is over or unknown for long."""
