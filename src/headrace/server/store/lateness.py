"""SQL that finds the runs whose time has passed: late ones, and pauses that nobody ended."""

from typing import Final

from sqlalchemy import bindparam, func, literal_column, select

from headrace.server.store.database import Statement
from headrace.server.store.facts import FLOW_RUN_COLUMNS, FLOW_RUN_SOURCE
from headrace.server.store.schema import flow_run

# Written as a literal: an index with a condition serves only queries that name the same value. Runs
# of another type that somebody named so have no time to be due at.
_not_late: Final = flow_run.c.state_name == literal_column("'Scheduled'")

LATE: Final = Statement(
    select(*FLOW_RUN_COLUMNS)
    .select_from(FLOW_RUN_SOURCE)
    .where(_not_late, flow_run.c.next_scheduled_start_time <= bindparam("late_from"))
    .order_by(flow_run.c.next_scheduled_start_time)
    .limit(bindparam("page"))
)
FIRST_SCHEDULED: Final = Statement(
    select(func.min(flow_run.c.next_scheduled_start_time)).where(_not_late)
)

PAUSED: Final = Statement(
    select(flow_run.c.id, flow_run.c.state)
    .where(
        flow_run.c.state_type == literal_column("'PAUSED'"),
        flow_run.c.id > bindparam("after"),
    )
    .order_by(flow_run.c.id)
    .limit(bindparam("page"))
)
"""Paused runs with their states, by id: a page goes on after the last id of the one before."""
