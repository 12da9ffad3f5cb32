"""Wire objects of what pages ask for."""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from msgspec import UNSET, Meta, UnsetType

from headrace.wire.filters import (
    DeploymentFilter,
    FlowFilter,
    FlowRunFilter,
    TaskRunFilter,
    WorkPoolFilter,
    WorkQueueFilter,
)
from headrace.wire.flow_runs import FlowRunSort
from headrace.wire.objects import Wire
from headrace.wire.states import StateType
from headrace.wire.task_runs import TaskRun


class CountDeploymentsByFlowBody(Wire, kw_only=True):
    flow_ids: list[UUID]


class CountTaskRunsByFlowRunBody(Wire, kw_only=True):
    flow_run_ids: list[UUID]


class NextRunsByFlowBody(Wire, kw_only=True):
    flow_ids: list[UUID]


class ReadDashboardTaskRunCountsBody(Wire, kw_only=True):
    deployments: DeploymentFilter | None = None
    flow_runs: FlowRunFilter | None = None
    flows: FlowFilter | None = None
    task_runs: TaskRunFilter
    work_pools: WorkPoolFilter | None = None
    work_queues: WorkQueueFilter | None = None


class ReadFlowRunHistoryBody(Wire, kw_only=True):
    deployments: DeploymentFilter | UnsetType = UNSET
    flow_runs: FlowRunFilter | UnsetType = UNSET
    flows: FlowFilter | UnsetType = UNSET
    limit: Annotated[int, Meta(le=1000)] = 1000
    offset: Annotated[int, Meta(ge=0)] = 0
    sort: FlowRunSort = FlowRunSort.EXPECTED_START_TIME_DESC
    task_runs: TaskRunFilter | UnsetType = UNSET
    work_pools: WorkPoolFilter | UnsetType = UNSET


class ReadTaskRunCountsByStateBody(Wire, kw_only=True):
    deployments: DeploymentFilter | None = None
    flow_runs: FlowRunFilter | None = None
    flows: FlowFilter | None = None
    task_runs: TaskRunFilter | None = None


class ValidateObjBody(Wire, kw_only=True):
    schema: dict[str, Any]
    values: dict[str, Any]


class CountByState(Wire, kw_only=True):
    CANCELLED: int = 0
    CANCELLING: int = 0
    COMPLETED: int = 0
    CRASHED: int = 0
    FAILED: int = 0
    PAUSED: int = 0
    PENDING: int = 0
    RUNNING: int = 0
    SCHEDULED: int = 0


class SchemaValuePropertyError(Wire, kw_only=True):
    errors: list[Any]
    property: str


class SchemaValueIndexError(Wire, kw_only=True):
    errors: list[Any]
    index: int


class SchemaValuesValidationResponse(Wire, kw_only=True):
    errors: list[Any]
    valid: bool


class SimpleFlowRun(Wire, kw_only=True):
    duration: float
    id: UUID
    lateness: float
    state_type: StateType
    timestamp: datetime


class SimpleNextFlowRun(Wire, kw_only=True):
    flow_id: UUID
    id: UUID
    name: str
    next_scheduled_start_time: datetime
    state_name: str
    state_type: StateType


class UITaskRun(TaskRun, kw_only=True):
    flow_run_name: str | None = None
