"""SQL of deployments' schedules, and of the runs planned for them."""

from collections.abc import Sequence
from typing import Any, Final

from sqlalchemy import (
    Select,
    bindparam,
    case,
    delete,
    func,
    insert,
    literal_column,
    or_,
    select,
    update,
)

from headrace.core.states import AWAITING_CONCURRENCY_SLOT
from headrace.server.store.database import Statement
from headrace.server.store.deployments import RUN_COLUMNS, RUN_SOURCE
from headrace.server.store.facts import FLOW_RUN_COLUMNS, FLOW_RUN_SOURCE
from headrace.server.store.schema import deployment, deployment_schedule, flow_run

_s = deployment_schedule.c

COLUMNS: Final = (
    _s.id,
    _s.schedule,
    _s.active,
    _s.max_scheduled_runs,
    _s.parameters,
    _s.slug,
    _s.created,
    _s.updated,
    _s.misfire,
)
"""The fields of `core.schedule_changes.StoredSchedule`."""

OF_DEPLOYMENT: Final = Statement(
    select(*COLUMNS)
    .where(_s.deployment_id == bindparam("deployment_id"))
    # The contract lists the newest first; those of one request in the order they came.
    .order_by(_s.created, _s.id)
)
INSERT: Final = Statement(insert(deployment_schedule))
UPDATE: Final = Statement(
    update(deployment_schedule)
    .where(_s.id == bindparam("schedule_id"))
    .values(
        schedule=bindparam("v_schedule"),
        active=bindparam("v_active"),
        max_scheduled_runs=bindparam("v_max_scheduled_runs"),
        parameters=bindparam("v_parameters"),
        slug=bindparam("v_slug"),
        misfire=bindparam("v_misfire"),
        updated=bindparam("v_updated"),
        look_again=None,
        planned_to=None,
    )
)
DELETE: Final = Statement(delete(deployment_schedule).where(_s.id == bindparam("schedule_id")))
LOOK_NOW: Final = Statement(
    update(deployment_schedule)
    .where(_s.deployment_id == bindparam("deployment_id"))
    .values(look_again=None)
)
FORGET_PLANNED: Final = Statement(
    update(deployment_schedule)
    .where(_s.deployment_id == bindparam("deployment_id"))
    .values(planned_to=None)
)
"""Times that pass from now on are not missed."""

_is_planned: Final[list[Any]] = [
    flow_run.c.deployment_id == bindparam("deployment_id"),
    flow_run.c.state_type == literal_column("'SCHEDULED'"),
    flow_run.c.auto_scheduled,
    flow_run.c.run_count == 0,
    flow_run.c.lease_owner.is_(None),
]

_is_put_off: Final = flow_run.c.state_name == literal_column(f"'{AWAITING_CONCURRENCY_SLOT}'")

_MOST_PLANNED: Final = 10_000
"""Runs. Far more than the horizon lets a deployment's schedules plan."""


def _delete_planned(*conditions: Any) -> Statement:
    # In the order of the index of scheduled runs by deployment, so that it is the one used.
    found = select(flow_run.c.id).where(*_is_planned, *conditions)
    ordered = found.order_by(flow_run.c.next_scheduled_start_time).limit(_MOST_PLANNED)
    return Statement(delete(flow_run).where(flow_run.c.id.in_(ordered)))


DELETE_PLANNED: Final = _delete_planned()
"""All runs that schedules made of a deployment and that did not begin: at most a few hundred."""

# The key is `scheduled <deployment> <schedule> <time>`.
DELETE_PLANNED_BY: Final = _delete_planned(
    flow_run.c.idempotency_key.like(bindparam("key_pattern"))
)
"""Those of one schedule."""

WAITING: Final = Statement(
    select(
        *FLOW_RUN_COLUMNS,
        # put off for a slot, it has a later time and waits all the same
        case(
            (_is_put_off, flow_run.c.expected_start_time),
            else_=flow_run.c.next_scheduled_start_time,
        ),
    )
    .select_from(FLOW_RUN_SOURCE)
    .where(
        *_is_planned,
        flow_run.c.idempotency_key.like(bindparam("key_pattern")),
        flow_run.c.expected_start_time <= bindparam("now"),
        or_(flow_run.c.next_scheduled_start_time <= bindparam("now"), _is_put_off),
    )
    .order_by(flow_run.c.next_scheduled_start_time)
    .limit(bindparam("page"))
)
"""Runs of a schedule whose time has passed and that have not begun; last, the time itself."""

DUE_COLUMNS: Final = (*RUN_COLUMNS, *COLUMNS, _s.planned_to)
_is_active: Final = [_s.active, deployment.c.paused.is_(False)]
DUE: Final = Statement(
    select(*DUE_COLUMNS)
    .select_from(RUN_SOURCE.join(deployment_schedule, _s.deployment_id == deployment.c.id))
    .where(
        *_is_active,
        or_(
            _s.look_again.is_(None),
            _s.look_again <= bindparam("now"),
            _s.look_again > bindparam("too_far"),
        ),
    )
    .limit(bindparam("page"))
)
"""Schedules to look at, in any order: each look moves a schedule's next one on.

A time too far ahead was written under a clock that has been set back."""

WITH_MISFIRE: Final = Statement(
    select(*DUE_COLUMNS)
    .select_from(RUN_SOURCE.join(deployment_schedule, _s.deployment_id == deployment.c.id))
    .where(*_is_active, _s.misfire.is_not(None), _s.id > bindparam("after"))
    .order_by(_s.id)
    .limit(bindparam("page"))
)
"""Schedules that do something about missed times, by id."""

NEXT_LOOK: Final = Statement(
    select(func.min(_s.look_again))
    .select_from(deployment_schedule.join(deployment, deployment.c.id == _s.deployment_id))
    .where(*_is_active)
)
OF_DEPLOYMENT_ACTIVE: Final = Statement(
    select(*DUE_COLUMNS)
    .select_from(RUN_SOURCE.join(deployment_schedule, _s.deployment_id == deployment.c.id))
    .where(_s.active, deployment.c.id == bindparam("deployment_id"))
    .order_by(_s.id)
)
STILL_PLANNED: Final = Statement(
    select(_s.id)
    .select_from(deployment_schedule.join(deployment, deployment.c.id == _s.deployment_id))
    .where(_s.id == bindparam("schedule_id"), _s.updated == bindparam("as_read"), *_is_active)
)
"""The schedule, if it is as it was read and nothing is paused."""

LOOK_AGAIN: Final = Statement(
    update(deployment_schedule)
    .where(_s.id == bindparam("schedule_id"))
    .values(look_again=bindparam("look_again"), planned_to=bindparam("planned_to"))
)


def planned_keys(flow_id: str, keys: Sequence[str]) -> Select[Any, Any, Any]:
    """Which of these idempotency keys are taken, by what run, and the name of its state."""
    return select(flow_run.c.idempotency_key, flow_run.c.id, flow_run.c.state_name).where(
        flow_run.c.flow_id == flow_id, flow_run.c.idempotency_key.in_(keys)
    )
