"""SQL of events, and of the task runs that come in as events."""

from typing import Final

from sqlalchemy import BigInteger, ColumnElement, bindparam, func, or_, select, type_coerce
from sqlalchemy.dialects.postgresql import Insert, insert

from headrace.server.store.database import Statement
from headrace.server.store.event_numbers import EventNumberCeiling
from headrace.server.store.schema import event, flow_run, task_run, task_run_state
from headrace.server.store.shapes import RowShape
from headrace.wire.events import ReceivedEvent

SHAPE: Final = RowShape(ReceivedEvent, event.c)

BATCH: Final = 200  # events that a reader takes at a time


def _newer() -> ColumnElement[bool]:
    return event.c.seq > bindparam("seq", type_=BigInteger())


AFTER: Final = Statement(
    select(event.c.seq, *SHAPE.columns)
    .where(_newer())
    .where(event.c.seq < EventNumberCeiling())
    .order_by(event.c.seq)
    .limit(BATCH)
)
"""Events that a reader who has come as far as `seq` has not seen, oldest first. It misses none."""

UP_TO: Final = select(*SHAPE.columns).where(event.c.seq <= bindparam("seq", type_=BigInteger()))
"""Events that a reader who has come as far as `seq` has seen."""

# Above every event that can be read now, and below every one that cannot yet.
NEWEST: Final = Statement(
    select(
        func.coalesce(
            select(func.max(event.c.seq))
            .where(event.c.seq < EventNumberCeiling())
            .scalar_subquery(),
            0,
        )
    )
)

# Both databases read `ON CONFLICT`, though SQLAlchemy makes each form for one of them only.
_insert = (
    insert(event)
    .inline()
    .values(
        {
            name: bindparam(name)
            for name in (
                "id",
                "occurred",
                "received",
                "event",
                "resource_id",
                "resource",
                "related",
                "payload",
                "follows",
            )
        }
    )
)
INSERT_EVENT: Final = Statement(_insert)
INSERT_UNKNOWN: Final = Statement(_insert.on_conflict_do_nothing(index_elements=["id"]))
"""An event, unless it is here already: clients send again what they are not sure of."""

INSERT_UNKNOWN_STATE: Final = Statement(
    insert(task_run_state)
    .values({name: bindparam(name) for name in ("id", "task_run_id", "timestamp", "state")})
    .on_conflict_do_nothing(index_elements=["id"])
)

_UPDATED: Final = (
    "updated",
    "name",
    "tags",
    "labels",
    "empirical_policy",
    "state_id",
    "state_type",
    "state_name",
    "state_timestamp",
    "state",
    "run_count",
    "flow_run_run_count",
    "start_time",
    "end_time",
    "total_run_time",
    "expected_start_time",
    "next_scheduled_start_time",
    "cache_key",
    "cache_expiration",
    "kept_key",
    "kept_expiration",
    "task_version",
    "task_inputs",
)
TASK_RUN_COLUMNS: Final = (
    "id",
    "created",
    "flow_run_id",
    "task_key",
    "dynamic_key",
    *_UPDATED,
)


def _upsert() -> Insert:
    made = insert(task_run).values({name: bindparam(name) for name in TASK_RUN_COLUMNS})
    new = made.excluded
    # Later wins, whatever order they come in; of two at the same moment, the one made later.
    is_later = or_(
        task_run.c.state_timestamp.is_(None),
        task_run.c.state_timestamp < new.state_timestamp,
        (task_run.c.state_timestamp == new.state_timestamp) & (task_run.c.state_id < new.state_id),
    )
    return made.on_conflict_do_update(
        index_elements=["id"],
        set_={name: new[name] for name in _UPDATED} | {"version": task_run.c.version + 1},
        where=is_later,
    )


UPSERT_TASK_RUN: Final = Statement(_upsert())
"""A task run as its newest event tells it; an older event changes nothing."""

KNOWN_FLOW_RUNS: Final = Statement(
    select(type_coerce(flow_run.c.id, flow_run.c.id.type)).where(
        flow_run.c.id.in_(bindparam("ids", expanding=True))
    )
)
