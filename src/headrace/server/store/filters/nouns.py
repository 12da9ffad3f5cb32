"""The filter of each noun as conditions on its own table."""

from enum import Enum
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, exists, func, or_, select

from headrace.server.store.filters.conditions import (
    Condition,
    Conditions,
    JsonText,
    all_of,
    be_named,
    be_null,
    be_one_of,
    combine,
    combine_attributes,
    equal_any,
    have_tags,
    lie_between,
    start_with_any,
    together,
)
from headrace.server.store.schema import (
    deployment,
    flow,
    flow_run,
    flow_run_tag,
    task_run,
    work_pool,
    work_queue,
)
from headrace.wire.filters import (
    DeploymentFilter,
    DeploymentFilterConcurrencyLimit,
    FlowFilter,
    FlowRunFilter,
    FlowRunFilterCreatedBy,
    FlowRunFilterState,
    FlowRunFilterTags,
    TaskRunFilter,
    TaskRunFilterFlowRunId,
    TaskRunFilterState,
    WorkPoolFilter,
    WorkQueueFilter,
)


class StateColumns(NamedTuple):
    """Where a table, or an expression of it, has the type and the name of a state."""

    state_type: ColumnElement[Any]
    state_name: ColumnElement[Any]


class TagPlan(Enum):
    """How runs are found by several tags."""

    GATHER_ALL = "gather the runs of each tag: where the database knows which are rare"
    GATHER_FIRST = "gather those of the first tag, the rarest, and look up their other tags"
    LOOK_UP = "look up the tags of each run that is met: of common tags a page is found after few"


# Aliases: inside a query over the same table, the plain name would mean the row of that query.
_its_flow = flow.alias("its_flow")
_its_deployment = deployment.alias("its_deployment")
_its_parent = task_run.alias("its_parent")
_its_child = flow_run.alias("its_child")


def filter_flows(given: FlowFilter) -> Conditions:
    """Conditions on `flow`."""
    parts: Conditions = []
    if given.id is not None:
        parts += be_one_of(flow.c.id, given.id)
    if given.name is not None:
        parts += be_named(flow.c.name, given.name)
    if given.tags is not None:
        parts += combine(
            given.tags.operator,
            have_tags(flow.c.tags, all_of_them=given.tags.all_, is_empty=given.tags.is_null_),
        )
    if given.deployment is not None and given.deployment.is_null_ is not None:
        deployed = exists().where(_its_deployment.c.flow_id == flow.c.id)
        parts.append(~deployed if given.deployment.is_null_ else deployed)
    return combine_attributes(given, parts)


def filter_deployments(given: DeploymentFilter) -> Conditions:
    """Conditions on `deployment`."""
    table = deployment.c
    parts: Conditions = []
    if given.id is not None:
        parts += be_one_of(table.id, given.id)
    if given.name is not None:
        parts += be_named(table.name, given.name)
    if given.flow_or_deployment_name is not None:
        like = given.flow_or_deployment_name.like_
        if like is not None:
            of_flow = exists().where(
                _its_flow.c.id == table.flow_id, _its_flow.c.name.icontains(like)
            )
            parts.append(or_(table.name.icontains(like), of_flow))
    if given.paused is not None and given.paused.eq_ is not None:
        parts.append(table.paused == given.paused.eq_)
    if given.tags is not None:
        parts += combine(
            given.tags.operator,
            have_tags(
                table.tags,
                all_of_them=given.tags.all_,
                any_of_them=given.tags.any_,
                is_empty=given.tags.is_null_,
            ),
        )
    if given.work_queue_name is not None:
        parts += equal_any(table.work_queue_name, given.work_queue_name.any_)
    if given.concurrency_limit is not None:
        parts += _limit_of_deployment(given.concurrency_limit)
    return combine_attributes(given, parts)


def _limit_of_deployment(given: DeploymentFilterConcurrencyLimit) -> Conditions:
    column = deployment.c.concurrency_limit
    parts = be_null(column, given.is_null_)
    if given.ge_ is not None:
        parts.append(column >= given.ge_)
    if given.le_ is not None:
        parts.append(column <= given.le_)
    return parts


def filter_flow_runs(given: FlowRunFilter, tags: TagPlan = TagPlan.GATHER_ALL) -> Conditions:
    """Conditions on `flow_run`; `tags` is how its tags are looked for."""
    parts = _flow_run_names(given) + _flow_run_times(given)
    if given.state is not None:
        parts += filter_flow_run_state(
            StateColumns(flow_run.c.state_type, flow_run.c.state_name), given.state
        )
    if given.tags is not None:
        parts += _flow_run_tags(given.tags, tags)
    if given.created_by is not None:
        parts += _created_by(given.created_by)
    return combine_attributes(given, parts)


def _flow_run_names(given: FlowRunFilter) -> Conditions:
    """What names the run, and what it belongs to."""
    table = flow_run.c
    parts: Conditions = []
    if given.id is not None:
        parts += be_one_of(table.id, given.id)
    if given.name is not None:
        parts += be_named(table.name, given.name)
    if given.idempotency_key is not None:
        parts += be_one_of(table.idempotency_key, given.idempotency_key)
    if given.flow_version is not None:
        parts += equal_any(table.flow_version, given.flow_version.any_)
    if given.parent_flow_run_id is not None and given.parent_flow_run_id.any_ is not None:
        parents = select(_its_parent.c.id).where(
            *equal_any(_its_parent.c.flow_run_id, given.parent_flow_run_id.any_)
        )
        parts.append(table.parent_task_run_id.in_(parents))
    for column, link in (
        (table.deployment_id, given.deployment_id),
        (table.work_queue_name, given.work_queue_name),
        (table.parent_task_run_id, given.parent_task_run_id),
    ):
        if link is not None:
            some = equal_any(column, link.any_) + be_null(column, link.is_null_)
            parts += combine(link.operator, some)
    return parts


def _flow_run_times(given: FlowRunFilter) -> Conditions:
    table = flow_run.c
    parts: Conditions = []
    for column, bounds in (
        (table.expected_start_time, given.expected_start_time),
        (table.next_scheduled_start_time, given.next_scheduled_start_time),
    ):
        if bounds is not None:
            parts += together(lie_between(column, bounds.after_, bounds.before_))
    for column, span in ((table.start_time, given.start_time), (table.end_time, given.end_time)):
        if span is not None:
            parts += together(
                be_null(column, span.is_null_), lie_between(column, span.after_, span.before_)
            )
    return parts


def filter_flow_run_state(columns: StateColumns, given: FlowRunFilterState) -> Conditions:
    """Conditions on `state_type` and `state_name` of any table that has them."""
    parts: Conditions = []
    if given.type is not None:
        parts += be_one_of(columns.state_type, given.type)
    if given.name is not None:
        parts += be_one_of(columns.state_name, given.name)
    return combine(given.operator, parts)


def _is_tagged(tags: ColumnElement[bool]) -> Condition:
    """Through the table of tags, whose key begins with the tag: a rare tag costs what it matches."""
    return flow_run.c.id.in_(select(flow_run_tag.c.flow_run_id).where(tags))


def _has_tag(tags: ColumnElement[bool]) -> Condition:
    """Run by run. A number, for SQLite would turn a mere `EXISTS` round and gather."""
    found = select(func.count()).where(flow_run_tag.c.flow_run_id == flow_run.c.id, tags)
    return found.correlate(flow_run).scalar_subquery() > 0


def _flow_run_tags(given: FlowRunFilterTags, plan: TagPlan) -> Conditions:
    tag = flow_run_tag.c.tag
    first = _has_tag if plan is TagPlan.LOOK_UP else _is_tagged
    others = _is_tagged if plan is TagPlan.GATHER_ALL else _has_tag
    parts: Conditions = []
    if given.all_:
        meets = [first, *[others] * (len(given.all_) - 1)]
        parts.append(
            all_of([meet(tag == one) for meet, one in zip(meets, given.all_, strict=True)])
        )
    if given.any_ is not None:
        parts.append((others if parts else first)(tag.in_(given.any_)))
    if given.is_null_ is not None:
        parts.append(flow_run.c.tags == "[]" if given.is_null_ else flow_run.c.tags != "[]")
    return combine(given.operator, parts)


def _created_by(given: FlowRunFilterCreatedBy) -> Conditions:
    column = flow_run.c.created_by
    parts = equal_any(JsonText(column, "id"), given.id_)
    parts += equal_any(JsonText(column, "type"), given.type_)
    parts += be_null(column, given.is_null_)
    return combine(given.operator, parts)


def filter_task_runs(given: TaskRunFilter) -> Conditions:
    """Conditions on `task_run`."""
    table = task_run.c
    parts: Conditions = []
    if given.id is not None:
        parts += equal_any(table.id, given.id.any_)
    if given.name is not None:
        parts += be_named(table.name, given.name)
    if given.flow_run_id is not None:
        parts += _flow_run_of_task_run(given.flow_run_id)
    if given.state is not None:
        parts += filter_task_run_state(
            StateColumns(task_run.c.state_type, task_run.c.state_name), given.state
        )
    if given.tags is not None:
        parts += combine(
            given.tags.operator,
            have_tags(table.tags, all_of_them=given.tags.all_, is_empty=given.tags.is_null_),
        )
    if given.subflow_runs is not None and given.subflow_runs.exists_ is not None:
        child = exists().where(_its_child.c.parent_task_run_id == table.id)
        parts.append(child if given.subflow_runs.exists_ else ~child)
    return combine_attributes(given, parts + _task_run_times(given))


def filter_task_run_state(columns: StateColumns, given: TaskRunFilterState) -> Conditions:
    """As `filter_flow_run_state`."""
    parts: Conditions = []
    if given.type is not None:
        parts += equal_any(columns.state_type, given.type.any_)
    if given.name is not None:
        parts += equal_any(columns.state_name, given.name.any_)
    return combine(given.operator, parts)


def _task_run_times(given: TaskRunFilter) -> Conditions:
    table = task_run.c
    parts: Conditions = []
    if given.expected_start_time is not None:
        bounds = given.expected_start_time
        parts += together(lie_between(table.expected_start_time, bounds.after_, bounds.before_))
    for column, span in ((table.start_time, given.start_time), (table.end_time, given.end_time)):
        if span is not None:
            parts += together(
                be_null(column, span.is_null_), lie_between(column, span.after_, span.before_)
            )
    return parts


def _flow_run_of_task_run(given: TaskRunFilterFlowRunId) -> Conditions:
    """Asking for those without a flow run wins over naming some, which wins over asking for any."""
    column = task_run.c.flow_run_id
    null = be_null(column, given.is_null_)
    if given.is_null_ or given.any_ is None:
        return null
    return equal_any(column, given.any_)


def filter_work_pools(given: WorkPoolFilter) -> Conditions:
    """Conditions on `work_pool`."""
    parts: Conditions = []
    if given.id is not None:
        parts += equal_any(work_pool.c.id, given.id.any_)
    if given.name is not None:
        parts += equal_any(work_pool.c.name, given.name.any_)
    if given.type is not None:
        parts += equal_any(work_pool.c.type, given.type.any_)
    return combine_attributes(given, parts)


def filter_work_queues(given: WorkQueueFilter) -> Conditions:
    """Conditions on `work_queue`."""
    parts: Conditions = []
    if given.id is not None:
        parts += equal_any(work_queue.c.id, given.id.any_)
    if given.name is not None:
        parts += together(
            equal_any(work_queue.c.name, given.name.any_),
            start_with_any(work_queue.c.name, given.name.startswith_),
        )
    return combine_attributes(given, parts)
