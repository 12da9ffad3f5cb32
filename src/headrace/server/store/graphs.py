"""SQL of what a flow run consists of."""

from typing import Final

from sqlalchemy import bindparam, func, or_, select

from headrace.server.store.database import Statement
from headrace.server.store.schema import (
    artifact,
    artifact_collection,
    flow,
    flow_run,
    flow_run_state,
    task_run,
)
from headrace.server.store.task_runs import SHAPE

MOST_NODES: Final = 10_000
"""A browser lays out no larger graph; the nodes beyond are left out."""

_child = flow_run.alias("child")
_begun = func.coalesce(task_run.c.start_time, task_run.c.expected_start_time)

RUN: Final = Statement(
    select(
        func.coalesce(flow_run.c.start_time, flow_run.c.expected_start_time), flow_run.c.end_time
    ).where(flow_run.c.id == bindparam("run_id"))
)
NODES: Final = Statement(
    select(
        task_run.c.id,
        task_run.c.name,
        task_run.c.state_type,
        _begun,
        task_run.c.end_time,
        task_run.c.task_inputs,
        _child.c.id,
        _child.c.name,
        flow.c.name,
        _child.c.state_type,
        func.coalesce(_child.c.start_time, _child.c.expected_start_time),
        _child.c.end_time,
    )
    .select_from(
        task_run.outerjoin(_child, _child.c.parent_task_run_id == task_run.c.id).outerjoin(
            flow, flow.c.id == _child.c.flow_id
        )
    )
    .where(task_run.c.flow_run_id == bindparam("run_id"))
    .where(_begun.is_not(None))
    .order_by(_begun, task_run.c.id)
    .limit(MOST_NODES)
)
TASK_RUNS: Final = Statement(
    SHAPE.select.where(task_run.c.flow_run_id == bindparam("run_id"))
    .order_by(task_run.c.expected_start_time, task_run.c.id)
    .limit(MOST_NODES)
)
STATES: Final = Statement(
    select(flow_run_state.c.state)
    .where(flow_run_state.c.flow_run_id == bindparam("run_id"))
    .order_by(flow_run_state.c.timestamp, flow_run_state.c.id)
)
ARTIFACTS: Final = Statement(
    select(
        artifact.c.id,
        artifact.c.created,
        artifact.c.key,
        artifact.c.type,
        artifact.c.data,
        or_(artifact.c.key.is_(None), artifact_collection.c.id.is_not(None)),
        artifact.c.task_run_id,
    )
    .select_from(
        artifact.outerjoin(artifact_collection, artifact_collection.c.latest_id == artifact.c.id)
    )
    .where(artifact.c.flow_run_id == bindparam("run_id"))
    .where(func.coalesce(artifact.c.type, "") != "result")
    .order_by(artifact.c.created, artifact.c.id)
    .limit(MOST_NODES)
)
"""What the run left, but for the references to results that the contract's older clients make."""
