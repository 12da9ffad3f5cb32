"""SQL that finds what a run that is over left open."""

from typing import Final

from sqlalchemy import (
    ColumnElement,
    FromClause,
    bindparam,
    exists,
    literal_column,
    or_,
    select,
)

from headrace.server.store.database import Statement
from headrace.server.store.facts import (
    FLOW_RUN_COLUMNS,
    FLOW_RUN_SOURCE,
    TASK_RUN_COLUMNS,
    TASK_RUN_SOURCE,
)
from headrace.server.store.schema import flow_run, task_run

_CANCELLED: Final[ColumnElement[str]] = literal_column("'CANCELLED'")
_TERMINAL: Final[list[ColumnElement[str]]] = [
    literal_column(f"'{name}'") for name in ("COMPLETED", "FAILED", "CANCELLED", "CRASHED")
]
_OTHERWISE: Final[list[ColumnElement[str]]] = [
    literal_column(f"'{name}'") for name in ("COMPLETED", "FAILED", "CRASHED")
]
_ENDED_OR_ENDING: Final[list[ColumnElement[str]]] = [*_TERMINAL, literal_column("'CANCELLING'")]

_parent = flow_run.alias("parent")
_stand_in = task_run.alias("stand_in")
_sub_flow = flow_run.alias("sub_flow")


def _ended(run: FromClause) -> ColumnElement[bool]:
    """Cancelled lately, or ended otherwise and long enough ago for the last reports to have come."""
    cancelled = run.c.state_type == _CANCELLED
    otherwise = run.c.state_type.in_(_OTHERWISE) & (run.c.state_timestamp <= bindparam("settled"))
    return (run.c.state_timestamp >= bindparam("since")) & or_(cancelled, otherwise)


OPEN_TASK_RUNS: Final = Statement(
    select(*TASK_RUN_COLUMNS)
    .select_from(TASK_RUN_SOURCE)
    .where(
        _ended(flow_run),
        task_run.c.state_type.not_in(_TERMINAL),
        # one that stands for a sub-flow is over when that is
        ~exists().where(
            _sub_flow.c.parent_task_run_id == task_run.c.id,
            _sub_flow.c.state_type.not_in(_TERMINAL),
        ),
    )
    .order_by(task_run.c.id)
    .limit(bindparam("page"))
)
"""Task runs that are not over, of runs that are."""

OPEN_SUB_FLOWS: Final = Statement(
    select(*FLOW_RUN_COLUMNS, _parent.c.state_type.label("parent_state_type"))
    .select_from(
        FLOW_RUN_SOURCE.join(_stand_in, _stand_in.c.id == flow_run.c.parent_task_run_id).join(
            _parent, _parent.c.id == _stand_in.c.flow_run_id
        )
    )
    .where(
        _ended(_parent),
        flow_run.c.state_type.not_in(_ENDED_OR_ENDING),
        # one with a process of its own outlives its parent, unless that is cancelled
        or_(
            _parent.c.state_type == _CANCELLED,
            flow_run.c.lease_owner.is_(None) & flow_run.c.deployment_id.is_(None),
        ),
    )
    .order_by(flow_run.c.id)
    .limit(bindparam("page"))
)
"""Runs of sub-flows that go on or have not begun, of parents that are over; with those's states."""

STUCK: Final = Statement(
    select(*FLOW_RUN_COLUMNS)
    .select_from(FLOW_RUN_SOURCE)
    .where(
        flow_run.c.state_type == literal_column("'CANCELLING'"),
        flow_run.c.state_timestamp <= bindparam("stuck_since"),
        flow_run.c.lease_expires.is_(None),
    )
    .order_by(flow_run.c.state_timestamp)
    .limit(bindparam("page"))
)
"""Runs being cancelled for too long, which no lease will end."""
