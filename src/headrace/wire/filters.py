"""Wire objects of filters."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from headrace.wire.objects import Strict, Wire
from headrace.wire.states import StateType


class DeploymentFilterConcurrencyLimit(Strict, kw_only=True):
    ge_: int | None = None
    is_null_: bool | None = None
    le_: int | None = None


class DeploymentFilterId(Strict, kw_only=True):
    any_: list[UUID] | None = None
    not_any_: list[UUID] | None = None


class DeploymentFilterName(Strict, kw_only=True):
    any_: list[str] | None = None
    like_: str | None = None


class DeploymentFilterPaused(Strict, kw_only=True):
    eq_: bool | None = None


class Operator(StrEnum):
    AND = "and_"
    OR = "or_"


class DeploymentFilterTags(Strict, kw_only=True):
    all_: list[str] | None = None
    any_: list[str] | None = None
    is_null_: bool | None = None
    operator: Operator = Operator.AND


class DeploymentFilterWorkQueueName(Strict, kw_only=True):
    any_: list[str] | None = None


class DeploymentOrFlowNameFilter(Strict, kw_only=True):
    like_: str | None = None


class DeploymentFilter(Strict, kw_only=True):
    concurrency_limit: DeploymentFilterConcurrencyLimit | None = None
    flow_or_deployment_name: DeploymentOrFlowNameFilter | None = None
    id: DeploymentFilterId | None = None
    name: DeploymentFilterName | None = None
    operator: Operator = Operator.AND
    paused: DeploymentFilterPaused | None = None
    tags: DeploymentFilterTags | None = None
    work_queue_name: DeploymentFilterWorkQueueName | None = None


class FlowFilterDeployment(Strict, kw_only=True):
    is_null_: bool | None = None
    operator: Operator = Operator.AND


class FlowFilterId(Strict, kw_only=True):
    any_: list[UUID] | None = None
    not_any_: list[UUID] | None = None


class FlowFilterName(Strict, kw_only=True):
    any_: list[str] | None = None
    like_: str | None = None


class FlowFilterTags(Strict, kw_only=True):
    all_: list[str] | None = None
    is_null_: bool | None = None
    operator: Operator = Operator.AND


class FlowFilter(Strict, kw_only=True):
    deployment: FlowFilterDeployment | None = None
    id: FlowFilterId | None = None
    name: FlowFilterName | None = None
    operator: Operator = Operator.AND
    tags: FlowFilterTags | None = None


class FlowRunFilterCreatedBy(Strict, kw_only=True):
    id_: list[UUID] | None = None
    is_null_: bool | None = None
    operator: Operator = Operator.AND
    type_: list[str] | None = None


class FlowRunFilterDeploymentId(Strict, kw_only=True):
    any_: list[UUID] | None = None
    is_null_: bool | None = None
    operator: Operator = Operator.AND


class FlowRunFilterEndTime(Strict, kw_only=True):
    after_: datetime | None = None
    before_: datetime | None = None
    is_null_: bool | None = None


class FlowRunFilterExpectedStartTime(Strict, kw_only=True):
    after_: datetime | None = None
    before_: datetime | None = None


class FlowRunFilterFlowVersion(Strict, kw_only=True):
    any_: list[str] | None = None


class FlowRunFilterId(Strict, kw_only=True):
    any_: list[UUID] | None = None
    not_any_: list[UUID] | None = None


class FlowRunFilterIdempotencyKey(Strict, kw_only=True):
    any_: list[str] | None = None
    not_any_: list[str] | None = None


class FlowRunFilterName(Strict, kw_only=True):
    any_: list[str] | None = None
    like_: str | None = None


class FlowRunFilterNextScheduledStartTime(Strict, kw_only=True):
    after_: datetime | None = None
    before_: datetime | None = None


class FlowRunFilterParentFlowRunId(Strict, kw_only=True):
    any_: list[UUID] | None = None
    operator: Operator = Operator.AND


class FlowRunFilterParentTaskRunId(Strict, kw_only=True):
    any_: list[UUID] | None = None
    is_null_: bool | None = None
    operator: Operator = Operator.AND


class FlowRunFilterStartTime(Strict, kw_only=True):
    after_: datetime | None = None
    before_: datetime | None = None
    is_null_: bool | None = None


class FlowRunFilterStateName(Strict, kw_only=True):
    any_: list[str] | None = None
    not_any_: list[str] | None = None


class FlowRunFilterStateType(Strict, kw_only=True):
    any_: list[StateType] | None = None
    not_any_: list[StateType] | None = None


class FlowRunFilterState(Strict, kw_only=True):
    name: FlowRunFilterStateName | None = None
    operator: Operator = Operator.AND
    type: FlowRunFilterStateType | None = None


class FlowRunFilterTags(Strict, kw_only=True):
    all_: list[str] | None = None
    any_: list[str] | None = None
    is_null_: bool | None = None
    operator: Operator = Operator.AND


class FlowRunFilterWorkQueueName(Strict, kw_only=True):
    any_: list[str] | None = None
    is_null_: bool | None = None
    operator: Operator = Operator.AND


class FlowRunFilter(Strict, kw_only=True):
    created_by: FlowRunFilterCreatedBy | None = None
    deployment_id: FlowRunFilterDeploymentId | None = None
    end_time: FlowRunFilterEndTime | None = None
    expected_start_time: FlowRunFilterExpectedStartTime | None = None
    flow_version: FlowRunFilterFlowVersion | None = None
    id: FlowRunFilterId | None = None
    idempotency_key: FlowRunFilterIdempotencyKey | None = None
    name: FlowRunFilterName | None = None
    next_scheduled_start_time: FlowRunFilterNextScheduledStartTime | None = None
    operator: Operator = Operator.AND
    parent_flow_run_id: FlowRunFilterParentFlowRunId | None = None
    parent_task_run_id: FlowRunFilterParentTaskRunId | None = None
    start_time: FlowRunFilterStartTime | None = None
    state: FlowRunFilterState | None = None
    tags: FlowRunFilterTags | None = None
    work_queue_name: FlowRunFilterWorkQueueName | None = None


class QueueFilter(Wire, kw_only=True):
    deployment_ids: list[UUID] | None = None
    tags: list[str] | None = None


class TaskRunFilterEndTime(Strict, kw_only=True):
    after_: datetime | None = None
    before_: datetime | None = None
    is_null_: bool | None = None


class TaskRunFilterExpectedStartTime(Strict, kw_only=True):
    after_: datetime | None = None
    before_: datetime | None = None


class TaskRunFilterFlowRunId(Strict, kw_only=True):
    any_: list[UUID] | None = None
    is_null_: bool | None = False
    operator: Operator = Operator.AND


class TaskRunFilterId(Strict, kw_only=True):
    any_: list[UUID] | None = None


class TaskRunFilterName(Strict, kw_only=True):
    any_: list[str] | None = None
    like_: str | None = None


class TaskRunFilterStartTime(Strict, kw_only=True):
    after_: datetime | None = None
    before_: datetime | None = None
    is_null_: bool | None = None


class TaskRunFilterStateName(Strict, kw_only=True):
    any_: list[str] | None = None


class TaskRunFilterStateType(Strict, kw_only=True):
    any_: list[StateType] | None = None


class TaskRunFilterState(Strict, kw_only=True):
    name: TaskRunFilterStateName | None = None
    operator: Operator = Operator.AND
    type: TaskRunFilterStateType | None = None


class TaskRunFilterSubFlowRuns(Strict, kw_only=True):
    exists_: bool | None = None


class TaskRunFilterTags(Strict, kw_only=True):
    all_: list[str] | None = None
    is_null_: bool | None = None
    operator: Operator = Operator.AND


class TaskRunFilter(Strict, kw_only=True):
    end_time: TaskRunFilterEndTime | None = None
    expected_start_time: TaskRunFilterExpectedStartTime | None = None
    flow_run_id: TaskRunFilterFlowRunId | None = None
    id: TaskRunFilterId | None = None
    name: TaskRunFilterName | None = None
    operator: Operator = Operator.AND
    start_time: TaskRunFilterStartTime | None = None
    state: TaskRunFilterState | None = None
    subflow_runs: TaskRunFilterSubFlowRuns | None = None
    tags: TaskRunFilterTags | None = None


class WorkPoolFilterId(Strict, kw_only=True):
    any_: list[UUID] | None = None


class WorkPoolFilterName(Strict, kw_only=True):
    any_: list[str] | None = None


class WorkPoolFilterType(Strict, kw_only=True):
    any_: list[str] | None = None


class WorkPoolFilter(Strict, kw_only=True):
    id: WorkPoolFilterId | None = None
    name: WorkPoolFilterName | None = None
    operator: Operator = Operator.AND
    type: WorkPoolFilterType | None = None


class WorkQueueFilterId(Strict, kw_only=True):
    any_: list[UUID] | None = None


class WorkQueueFilterName(Strict, kw_only=True):
    any_: list[str] | None = None
    startswith_: list[str] | None = None


class WorkQueueFilter(Strict, kw_only=True):
    id: WorkQueueFilterId | None = None
    name: WorkQueueFilterName | None = None
    operator: Operator = Operator.AND
