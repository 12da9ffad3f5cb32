"""Wire objects of what pages ask for."""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

import msgspec
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
from headrace.wire.orchestration import FlowRunResult
from headrace.wire.states import State, StateType
from headrace.wire.task_runs import Constant, Parameter, TaskRunPolicy, TaskRunResult


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


class UITaskRun(Wire, kw_only=True):
    cache_expiration: datetime | None = None
    cache_key: str | None = None
    created: datetime | None
    dynamic_key: str
    empirical_policy: TaskRunPolicy = msgspec.field(default_factory=TaskRunPolicy)
    end_time: datetime | None = None
    estimated_run_time: float = 0.0
    estimated_start_time_delta: float = 0.0
    expected_start_time: datetime | None = None
    flow_run_id: UUID | None = None
    flow_run_name: str | None = None
    flow_run_run_count: int = 0
    id: UUID
    labels: dict[str, bool | int | float | str] | None = None
    name: str | UnsetType = UNSET
    next_scheduled_start_time: datetime | None = None
    run_count: int = 0
    start_time: datetime | None = None
    state: State | None = None
    state_id: UUID | None = None
    state_name: str | None = None
    state_type: StateType | None = None
    tags: list[str] = []
    task_inputs: dict[str, list[TaskRunResult | FlowRunResult | Parameter | Constant]] = {}
    task_key: str
    task_version: str | None = None
    total_run_time: float = 0.0
    updated: datetime | None
