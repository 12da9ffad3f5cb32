"""Filters across nouns: the runs of these flows, the flows of those deployments, and so on.

Each filter of another noun becomes one semi-join. The inner queries are `IN` rather than `EXISTS`
where the other noun is the smaller one (flows, deployments, pools): the database runs them once.
"""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from msgspec import UNSET, UnsetType
from sqlalchemy import ColumnElement, Select, exists, select

from headrace.server.store.filters.conditions import Condition, Conditions, equal_any
from headrace.server.store.filters.nouns import (
    TagPlan,
    filter_deployments,
    filter_flow_runs,
    filter_flows,
    filter_task_runs,
    filter_work_pools,
    filter_work_queues,
)
from headrace.server.store.schema import (
    deployment,
    flow,
    flow_run,
    task_run,
    work_pool,
    work_queue,
)
from headrace.wire.filters import (
    DeploymentFilter,
    FlowFilter,
    FlowRunFilter,
    TaskRunFilter,
    WorkPoolFilter,
    WorkQueueFilter,
)


@dataclass(frozen=True, slots=True)
class Filters:
    """The filters of one request. Make it of any body that has fields of these names."""

    flows: FlowFilter | None = None
    flow_runs: FlowRunFilter | None = None
    task_runs: TaskRunFilter | None = None
    deployments: DeploymentFilter | None = None
    work_pools: WorkPoolFilter | None = None
    work_pool_queues: WorkQueueFilter | None = None

    @classmethod
    def of(cls, body: object) -> "Filters":
        """Those of its fields that a body has and that are set."""
        given = {name: _given(getattr(body, name, None)) for name in _NAMES}
        if given["work_pool_queues"] is None:  # what a history calls them
            given["work_pool_queues"] = _given(getattr(body, "work_queues", None))
        return cls(**given)


_NAMES = ("flows", "flow_runs", "task_runs", "deployments", "work_pools", "work_pool_queues")


def _given(value: Any | UnsetType | None) -> Any | None:
    return None if value is UNSET else value


_NOTHING = Filters()


def where_flows(filters: Filters) -> Conditions:
    """Which flows are meant."""
    table = flow.c
    parts: Conditions = [] if filters.flows is None else filter_flows(filters.flows)
    if filters.flow_runs is not None or filters.task_runs is not None:
        runs = _flow_run_conditions(filters)
        parts.append(exists().where(flow_run.c.flow_id == table.id, *runs))
    if _any_of_deployment(filters):
        parts.append(table.id.in_(_deployments(deployment.c.flow_id, filters)))
    return parts


def where_flow_runs(filters: Filters, tags: TagPlan = TagPlan.GATHER_ALL) -> Conditions:
    """Which flow runs are meant; `tags` as for `filter_flow_runs`."""
    table = flow_run.c
    parts: Conditions = []
    if filters.flow_runs is not None:
        parts += filter_flow_runs(filters.flow_runs, tags)
    if filters.flows is not None:
        parts += _belong_to_flow(table.flow_id, filters.flows)
    if filters.deployments is not None:
        parts += _belong_to_deployment(table.deployment_id, filters.deployments)
    if filters.task_runs is not None:
        parts.append(_has_task_runs(filters.task_runs))
    if filters.work_pools is not None or filters.work_pool_queues is not None:
        parts.append(table.work_queue_id.in_(_work_queues(filters)))
    return parts


def where_task_runs(filters: Filters) -> Conditions:
    """Which task runs are meant."""
    table = task_run.c
    parts: Conditions = [] if filters.task_runs is None else filter_task_runs(filters.task_runs)
    outer = Filters(
        flows=filters.flows,
        flow_runs=filters.flow_runs,
        deployments=filters.deployments,
        work_pools=filters.work_pools,
        work_pool_queues=filters.work_pool_queues,
    )
    runs = _only_runs(outer)
    if runs is not None:
        parts += equal_any(table.flow_run_id, runs)
    elif outer != _NOTHING:
        parts.append(exists().where(flow_run.c.id == table.flow_run_id, *where_flow_runs(outer)))
    return parts


def where_deployments(filters: Filters) -> Conditions:
    """Which deployments are meant."""
    table = deployment.c
    parts: Conditions = (
        [] if filters.deployments is None else filter_deployments(filters.deployments)
    )
    if filters.flows is not None:
        parts += _belong_to_flow(table.flow_id, filters.flows)
    if filters.flow_runs is not None or filters.task_runs is not None:
        runs = _flow_run_conditions(filters)
        parts.append(exists().where(flow_run.c.deployment_id == table.id, *runs))
    if filters.work_pools is not None or filters.work_pool_queues is not None:
        parts.append(table.work_queue_id.in_(_work_queues(filters)))
    return parts


def _belong_to_flow(column: ColumnElement[Any], given: FlowFilter) -> Conditions:
    ids = _only_ids(given)
    if ids is not None:
        return equal_any(column, ids)
    return [column.in_(select(flow.c.id).where(*filter_flows(given)))]


def _belong_to_deployment(column: ColumnElement[Any], given: DeploymentFilter) -> Conditions:
    ids = _only_ids(given)
    if ids is not None:
        return equal_any(column, ids)
    return [column.in_(select(deployment.c.id).where(*filter_deployments(given)))]


def _only_runs(filters: Filters) -> list[UUID] | None:
    """The ids of flow runs, where nothing else is asked for."""
    if filters.flow_runs is None or filters != Filters(flow_runs=filters.flow_runs):
        return None
    return _only_ids(filters.flow_runs)


def _only_ids(given: FlowFilter | DeploymentFilter | FlowRunFilter) -> list[UUID] | None:
    """The ids, where nothing else is asked for.

    The column refers to the other table, so the rows need not be looked up there.
    """
    if given.id is None or given.id.any_ is None or given.id.not_any_ is not None:
        return None
    others = set(given.__struct_fields__) - {"id", "operator"}
    return None if any(getattr(given, name) is not None for name in others) else given.id.any_


def _flow_run_conditions(filters: Filters) -> Conditions:
    """Conditions on a joined flow run: its own, and those on its task runs."""
    parts: Conditions = [] if filters.flow_runs is None else filter_flow_runs(filters.flow_runs)
    if filters.task_runs is not None:
        parts.append(_has_task_runs(filters.task_runs))
    return parts


def _has_task_runs(given: TaskRunFilter) -> Condition:
    return exists().where(task_run.c.flow_run_id == flow_run.c.id, *filter_task_runs(given))


def _any_of_deployment(filters: Filters) -> bool:
    wanted = (filters.deployments, filters.work_pools, filters.work_pool_queues)
    return any(given is not None for given in wanted)


def _deployments(column: ColumnElement[Any], filters: Filters) -> Select[Any]:
    """A column of the deployments that the filters on deployments, pools and queues mean."""
    outer = Filters(
        deployments=filters.deployments,
        work_pools=filters.work_pools,
        work_pool_queues=filters.work_pool_queues,
    )
    return select(column).where(*where_deployments(outer))


def _work_queues(filters: Filters) -> Select[Any]:
    """The ids of the queues that the filters on queues and pools mean."""
    query = select(work_queue.c.id)
    if filters.work_pool_queues is not None:
        query = query.where(*filter_work_queues(filters.work_pool_queues))
    if filters.work_pools is not None:
        pools = select(work_pool.c.id).where(*filter_work_pools(filters.work_pools))
        query = query.where(work_queue.c.work_pool_id.in_(pools))
    return query
