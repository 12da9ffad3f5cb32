"""SQL that deletes what is too old, in slices: nobody's write waits behind more than one.

What belongs to a run goes before the run, a slice at a time, so that deleting the run itself
cascades to nothing.
"""

from typing import Any, Final

from sqlalchemy import (
    Column,
    ColumnElement,
    Table,
    and_,
    bindparam,
    delete,
    func,
    literal_column,
    or_,
    select,
)

from headrace.server.store.database import Statement
from headrace.server.store.schema import (
    artifact,
    artifact_collection,
    event,
    flow_run,
    flow_run_input,
    flow_run_state,
    flow_run_tag,
    log,
    task_run,
    task_run_state,
)

RUNS_AT_ONCE: Final = 50
"""Flow runs of one round: their ids are found again by each slice, through an index."""

SLICE: Final = 500
"""Rows of one transaction."""

_TERMINAL: Final[list[ColumnElement[str]]] = [
    literal_column(f"'{name}'") for name in ("COMPLETED", "FAILED", "CANCELLED", "CRASHED")
]


def _oldest(table: Table, *conditions: Any, limit: int) -> Any:
    return (
        select(table.c.id)
        .where(
            table.c.end_time < bindparam("before"),
            # Hidden from the index of states, so that the oldest are found by that of `end_time`.
            func.coalesce(table.c.state_type, "").in_(_TERMINAL),
            *conditions,
        )
        .order_by(table.c.end_time, table.c.id)
        .limit(limit)
    )


_runs: Final = _oldest(flow_run, limit=RUNS_AT_ONCE).subquery()
_of_runs: Final = select(_runs.c.id)
_tasks: Final = select(task_run.c.id).where(task_run.c.flow_run_id.in_(_of_runs))


def _slice(table: Table, key: Column[Any], *conditions: Any) -> Statement:
    return Statement(delete(table).where(key.in_(select(key).where(*conditions).limit(SLICE))))


# The newest artifact of a key stays: a report outlives the run that wrote it.
_newest: Final = select(artifact_collection.c.latest_id).where(
    artifact_collection.c.latest_id.is_not(None)
)

OF_RUNS: Final = (
    _slice(
        artifact,
        artifact.c.id,
        or_(artifact.c.flow_run_id.in_(_of_runs), artifact.c.task_run_id.in_(_tasks)),
        artifact.c.id.not_in(_newest),
    ),
    _slice(log, log.c.id, or_(log.c.flow_run_id.in_(_of_runs), log.c.task_run_id.in_(_tasks))),
    _slice(task_run_state, task_run_state.c.id, task_run_state.c.task_run_id.in_(_tasks)),
    _slice(task_run, task_run.c.id, task_run.c.flow_run_id.in_(_of_runs)),
    _slice(flow_run_state, flow_run_state.c.id, flow_run_state.c.flow_run_id.in_(_of_runs)),
    _slice(flow_run_input, flow_run_input.c.id, flow_run_input.c.flow_run_id.in_(_of_runs)),
    Statement(delete(flow_run_tag).where(flow_run_tag.c.flow_run_id.in_(_of_runs))),
)
"""What belongs to the oldest runs. Each is repeated until it finds nothing."""

RUNS: Final = Statement(delete(flow_run).where(flow_run.c.id.in_(_of_runs)))
"""The oldest runs themselves, once nothing belongs to them."""

FIRST_RUN: Final = Statement(_oldest(flow_run, limit=1))

_loose_tasks: Final = _oldest(task_run, task_run.c.flow_run_id.is_(None), limit=RUNS_AT_ONCE)
LOOSE_TASK_RUNS: Final = Statement(delete(task_run).where(task_run.c.id.in_(_loose_tasks)))
"""Task runs that no flow run holds: background tasks. Their states go with them."""

OLD_ARTIFACTS: Final = _slice(
    artifact,
    artifact.c.id,
    artifact.c.created < bindparam("before"),
    artifact.c.flow_run_id.is_(None),
    artifact.c.id.not_in(_newest),
)
"""Artifacts of background tasks and of no run."""

OLD_LOGS: Final = _slice(
    log,
    log.c.id,
    log.c.timestamp < bindparam("before"),
    and_(log.c.flow_run_id.is_(None), log.c.task_run_id.is_(None)),
)
"""Logs of no run: those of runs stay as long as the run does."""

OLD_EVENTS: Final = Statement(
    delete(event).where(
        event.c.seq.in_(
            select(event.c.seq)
            .where(event.c.occurred < bindparam("before"))
            # The newest stays: SQLite would give its number again, below where readers stand.
            .where(event.c.seq < select(func.max(event.c.seq)).scalar_subquery())
            .order_by(event.c.occurred)
            .limit(SLICE)
        )
    )
)
