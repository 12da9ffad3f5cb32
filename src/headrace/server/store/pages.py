"""SQL of what pages show: counts beside lists, and runs as dots of a chart."""

from typing import Any, Final

from sqlalchemy import BindParameter, Select, bindparam, case, exists, func, select

from headrace.core.states import StateType
from headrace.server.store import estimates, histories
from headrace.server.store.database import Statement
from headrace.server.store.filters.conditions import Conditions
from headrace.server.store.schema import deployment, flow_run, task_run
from headrace.server.store.shapes import RowShape
from headrace.server.store.spans import spans_table
from headrace.wire.ui import SimpleFlowRun, SimpleNextFlowRun, UITaskRun

_ids: Final[BindParameter[str]] = bindparam("ids", expanding=True)

_sub_flow = flow_run.alias()
TASK_RUNS_OF_FLOW_RUNS: Final = Statement(
    select(task_run.c.flow_run_id, func.count())
    .where(task_run.c.flow_run_id.in_(_ids))
    .where(~exists().where(_sub_flow.c.parent_task_run_id == task_run.c.id))
    .group_by(task_run.c.flow_run_id)
)
"""Those that stand for a sub-flow are none of them: the sub-flow is counted as a flow run."""
DEPLOYMENTS_OF_FLOWS: Final = Statement(
    select(deployment.c.flow_id, func.count())
    .where(deployment.c.flow_id.in_(_ids))
    .group_by(deployment.c.flow_id)
)

NEXT_RUN: Final = RowShape(SimpleNextFlowRun, flow_run.c)
_ranked: Final = (
    select(
        flow_run.c.id,
        func.row_number()
        .over(
            partition_by=flow_run.c.flow_id,
            order_by=(flow_run.c.next_scheduled_start_time, flow_run.c.id),
        )
        .label("place"),
    )
    .where(flow_run.c.flow_id.in_(_ids))
    .where(flow_run.c.state_type == StateType.SCHEDULED.value)
    .where(flow_run.c.next_scheduled_start_time.is_not(None))
    .subquery()
)
NEXT_RUNS: Final = Statement(
    NEXT_RUN.select.where(flow_run.c.id.in_(select(_ranked.c.id).where(_ranked.c.place == 1)))
)
"""Of each flow the scheduled run that comes first."""

DOT: Final = RowShape(
    SimpleFlowRun,
    flow_run.c,
    selected={
        "timestamp": func.coalesce(flow_run.c.start_time, flow_run.c.expected_start_time),
        "duration": histories.run_time(flow_run),
        "lateness": histories.lateness(flow_run),
    },
)
"""A run in a chart. Parameter `now`."""

TASK_RUN: Final = RowShape(
    UITaskRun,
    task_run.c,
    selected={"flow_run_name": flow_run.c.name},
    derived={
        "estimated_run_time": lambda row: estimates.run_time(TASK_RUN.positions, row),
        "estimated_start_time_delta": lambda row: estimates.lateness(TASK_RUN.positions, row),
    },
)
TASK_RUN_BY_ID: Final = Statement(
    TASK_RUN.select.select_from(
        task_run.outerjoin(flow_run, flow_run.c.id == task_run.c.flow_run_id)
    ).where(task_run.c.id == bindparam("run_id"))
)


def counts_by_state(conditions: Conditions) -> Select[*tuple[Any, ...]]:
    """How many task runs are in each type of state."""
    return (
        select(task_run.c.state_type, func.count())
        .where(task_run.c.state_type.is_not(None), *conditions)
        .group_by(task_run.c.state_type)
    )


def endings(conditions: Conditions) -> Select[*tuple[Any, ...]]:
    """For each stretch of time: its number, and how many task runs begun in it completed, failed.

    Parameter `spans`.
    """
    table = spans_table()
    began = task_run.c.start_time
    within = (began >= table.c.begin) & (began < table.c.finish)
    completed = case((task_run.c.state_type == StateType.COMPLETED.value, 1), else_=0)
    failures = (StateType.FAILED.value, StateType.CRASHED.value)
    failed = case((task_run.c.state_type.in_(failures), 1), else_=0)
    return (
        select(table.c.number, func.sum(completed), func.sum(failed))
        .select_from(table.join(task_run, within))
        .where(*conditions)
        .group_by(table.c.number)
    )
