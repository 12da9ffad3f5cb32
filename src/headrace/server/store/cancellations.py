"""SQL that finds what a cancelled run left open."""

from typing import Final

from sqlalchemy import ColumnElement, bindparam, literal_column, select

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
_ENDED_OR_ENDING: Final[list[ColumnElement[str]]] = [*_TERMINAL, literal_column("'CANCELLING'")]

_parent = flow_run.alias("parent")
_stand_in = task_run.alias("stand_in")

OPEN_TASK_RUNS: Final = Statement(
    select(*TASK_RUN_COLUMNS)
    .select_from(TASK_RUN_SOURCE)
    .where(
        flow_run.c.state_type == _CANCELLED,
        flow_run.c.state_timestamp >= bindparam("since"),
        task_run.c.state_type.not_in(_TERMINAL),
    )
    .order_by(task_run.c.id)
    .limit(bindparam("page"))
)
"""Task runs of runs cancelled lately that are not over."""

OPEN_SUB_FLOWS: Final = Statement(
    select(*FLOW_RUN_COLUMNS)
    .select_from(
        FLOW_RUN_SOURCE.join(_stand_in, _stand_in.c.id == flow_run.c.parent_task_run_id).join(
            _parent, _parent.c.id == _stand_in.c.flow_run_id
        )
    )
    .where(
        _parent.c.state_type == _CANCELLED,
        _parent.c.state_timestamp >= bindparam("since"),
        flow_run.c.state_type.not_in(_ENDED_OR_ENDING),
    )
    .order_by(flow_run.c.id)
    .limit(bindparam("page"))
)
"""Runs of sub-flows of runs cancelled lately that are neither over nor being cancelled."""

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
