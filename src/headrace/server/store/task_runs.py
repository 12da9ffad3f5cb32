"""SQL of task runs."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from sqlalchemy import bindparam, delete, insert, or_, select, update

from headrace.core.states import State, StateType
from headrace.server.store import estimates, transitions
from headrace.server.store.database import Row, Statement, Write
from headrace.server.store.facts import TaskRunRow
from headrace.server.store.schema import Timestamp, flow_run, log, task_run, task_run_state
from headrace.server.store.shapes import RowShape
from headrace.wire.decode import encode
from headrace.wire.task_runs import TaskRun, TaskRunPolicy

DEFAULT_POLICY: Final = encode(TaskRunPolicy()).decode()

SHAPE: Final = RowShape(
    TaskRun,
    task_run.c,
    derived={
        "estimated_run_time": lambda row: estimates.run_time(SHAPE.positions, row),
        "estimated_start_time_delta": lambda row: estimates.lateness(SHAPE.positions, row),
    },
)
LISTED: Final = select(*SHAPE.columns)
"""Rows of `SHAPE`, to which a list adds its conditions, order and bounds."""

BY_ID: Final = Statement(LISTED.where(task_run.c.id == bindparam("run_id")))
_BY_KEYS: Final = LISTED.where(task_run.c.task_key == bindparam("task_key")).where(
    task_run.c.dynamic_key == bindparam("dynamic_key")
)
BY_KEYS: Final = Statement(_BY_KEYS.where(task_run.c.flow_run_id == bindparam("flow_run_id")))
BY_KEYS_ALONE: Final = Statement(_BY_KEYS.where(task_run.c.flow_run_id.is_(None)).limit(1))
"""The one of these keys that is in no flow run."""
FLOW_RUN: Final = Statement(
    select(flow_run.c.name, flow_run.c.labels).where(flow_run.c.id == bindparam("flow_run_id"))
)
CACHED: Final = Statement(
    select(task_run.c.state)
    .where(task_run.c.kept_key == bindparam("cache_key"))
    .where(task_run.c.state_type == StateType.COMPLETED.value)
    .where(
        or_(
            task_run.c.kept_expiration.is_(None),
            task_run.c.kept_expiration > bindparam("now", type_=Timestamp()),
        )
    )
    .order_by(task_run.c.end_time.desc())
    .limit(1)
)
STATE_BY_ID: Final = Statement(
    select(task_run_state.c.state).where(task_run_state.c.id == bindparam("state_id"))
)
STATES: Final = Statement(
    select(task_run_state.c.state)
    .where(task_run_state.c.task_run_id == bindparam("run_id"))
    .order_by(task_run_state.c.timestamp, task_run_state.c.id)
)
RENAME: Final = Statement(
    update(task_run)
    .where(task_run.c.id == bindparam("run_id"))
    .values(name=bindparam("new_name"), updated=bindparam("now"))
)
DELETE: Final = Statement(delete(task_run).where(task_run.c.id == bindparam("run_id")))
DELETE_LOGS: Final = Statement(delete(log).where(log.c.task_run_id == bindparam("run_id")))
_INSERT: Final = Statement(insert(task_run))


@dataclass(frozen=True, slots=True, kw_only=True)
class NewTaskRun:
    """A task run that is to be made; JSON fields as text."""

    id: str
    name: str
    task_key: str
    dynamic_key: str
    state: State
    flow_run_id: str | None
    flow_run_name: str | None
    tags: Sequence[str]
    labels: str
    empirical_policy: str
    task_inputs: str
    task_version: str | None
    cache_key: str | None
    cache_expiration: str | None


def create(new: NewTaskRun, now: str) -> tuple[list[Write], Row]:
    """The unit that makes a task run, and the row of `SHAPE` that a read after it would give."""
    tags = encode(list(new.tags)).decode()
    stored = TaskRunRow(
        id=new.id,
        name=new.name,
        version=0,
        state=None,
        state_id=None,
        empirical_policy=new.empirical_policy,
        run_count=0,
        start_time=None,
        end_time=None,
        total_run_time=0.0,
        expected_start_time=None,
        tags=tags,
        flow_run_id=new.flow_run_id,
        flow_run_name=new.flow_run_name,
        flow_run_state_type=None,
        flow_run_run_count=0,
        enclosing_run_count=None,
    )
    columns, writes = transitions.first_of_task_run(stored, new.state, now=now)
    values: dict[str, object] = columns | {
        "id": new.id,
        "created": now,
        "name": new.name,
        "tags": tags,
        "labels": new.labels,
        "empirical_policy": new.empirical_policy,
        "flow_run_id": new.flow_run_id,
        "task_key": new.task_key,
        "dynamic_key": new.dynamic_key,
        "cache_key": new.cache_key,
        "cache_expiration": new.cache_expiration,
        "kept_key": None,
        "kept_expiration": None,
        "task_version": new.task_version,
        "flow_run_run_count": 0,
        "task_inputs": new.task_inputs,
        "version": 0,
    }
    return [Write(_INSERT, values), *writes], SHAPE.row(values)
