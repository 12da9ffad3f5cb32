"""Wire objects of flow runs."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any, Literal
from uuid import UUID

import msgspec
from msgspec import UNSET, Meta, UnsetType

from headrace.wire.common import CreatedBy
from headrace.wire.decode import MAX_INTEGER
from headrace.wire.filters import (
    DeploymentFilter,
    FlowFilter,
    FlowRunFilter,
    TaskRunFilter,
    WorkPoolFilter,
    WorkQueueFilter,
)
from headrace.wire.objects import Strict, Wire
from headrace.wire.orchestration import FlowRunOrchestrationResult
from headrace.wire.states import State, StateCreate, StateType


class AverageFlowRunLatenessBody(Wire, kw_only=True):
    deployments: DeploymentFilter | None = None
    flow_runs: FlowRunFilter | None = None
    flows: FlowFilter | None = None
    task_runs: TaskRunFilter | None = None
    work_pool_queues: WorkQueueFilter | None = None
    work_pools: WorkPoolFilter | None = None


class BulkDeleteFlowRunsBody(Wire, kw_only=True):
    flow_runs: FlowRunFilter | None = None
    limit: Annotated[int, Meta(ge=1, le=50)] = 50


class BulkSetFlowRunStateBody(Wire, kw_only=True):
    flow_runs: FlowRunFilter | None = None
    force: bool = False
    limit: Annotated[int, Meta(ge=1, le=50)] = 50
    state: StateCreate


class CountFlowRunsBody(Wire, kw_only=True):
    deployments: DeploymentFilter | None = None
    flow_runs: FlowRunFilter | None = None
    flows: FlowFilter | None = None
    task_runs: TaskRunFilter | None = None
    work_pool_queues: WorkQueueFilter | None = None
    work_pools: WorkPoolFilter | None = None


class FlowRunHistoryBody(Wire, kw_only=True):
    deployments: DeploymentFilter | None = None
    flow_runs: FlowRunFilter | None = None
    flows: FlowFilter | None = None
    history_end: datetime
    history_interval_seconds: float
    history_start: datetime
    task_runs: TaskRunFilter | None = None
    work_pools: WorkPoolFilter | None = None
    work_queues: WorkQueueFilter | None = None


class FlowRunSort(StrEnum):
    ID_DESC = "ID_DESC"
    START_TIME_ASC = "START_TIME_ASC"
    START_TIME_DESC = "START_TIME_DESC"
    EXPECTED_START_TIME_ASC = "EXPECTED_START_TIME_ASC"
    EXPECTED_START_TIME_DESC = "EXPECTED_START_TIME_DESC"
    NAME_ASC = "NAME_ASC"
    NAME_DESC = "NAME_DESC"
    NEXT_SCHEDULED_START_TIME_ASC = "NEXT_SCHEDULED_START_TIME_ASC"
    END_TIME_DESC = "END_TIME_DESC"


class PaginateFlowRunsBody(Wire, kw_only=True):
    deployments: DeploymentFilter | None = None
    flow_runs: FlowRunFilter | None = None
    flows: FlowFilter | None = None
    limit: int | UnsetType = UNSET
    page: Annotated[int, Meta(ge=1)] = 1
    sort: FlowRunSort = FlowRunSort.ID_DESC
    task_runs: TaskRunFilter | None = None
    work_pool_queues: WorkQueueFilter | None = None
    work_pools: WorkPoolFilter | None = None


class ReadFlowRunsBody(Wire, kw_only=True):
    deployments: DeploymentFilter | None = None
    flow_runs: FlowRunFilter | None = None
    flows: FlowFilter | None = None
    limit: int | UnsetType = UNSET
    offset: Annotated[int, Meta(ge=0)] = 0
    sort: FlowRunSort = FlowRunSort.ID_DESC
    task_runs: TaskRunFilter | None = None
    work_pool_queues: WorkQueueFilter | None = None
    work_pools: WorkPoolFilter | None = None


class ResumeFlowRunBody(Wire, kw_only=True):
    run_input: dict[str, Any] | None = None


class SetFlowRunStateBody(Wire, kw_only=True):
    force: bool = False
    state: StateCreate


class FlowRunPolicy(Wire, kw_only=True):
    max_retries: int = 0
    pause_keys: list[str] | None = None
    resuming: bool | None = False
    retries: int | None = None
    retry_delay: int | None = None
    retry_delay_seconds: float = 0
    retry_type: Literal["in_process", "reschedule"] | None = None

    def __post_init__(self) -> None:
        """What older clients say under older names is what newer ones read."""
        if self.retries is None and self.max_retries:
            self.retries = self.max_retries
        if self.retry_delay is None and self.retry_delay_seconds:
            if abs(self.retry_delay_seconds) > MAX_INTEGER:
                message = f"retry_delay_seconds should lie within {MAX_INTEGER} of zero"
                raise ValueError(message)
            self.retry_delay = int(self.retry_delay_seconds)


class FlowRun(Wire, kw_only=True):
    auto_scheduled: bool = False
    context: dict[str, Any] = {}
    created: datetime | None
    created_by: CreatedBy | None = None
    deployment_id: UUID | None = None
    deployment_version: str | None = None
    empirical_policy: FlowRunPolicy = msgspec.field(default_factory=FlowRunPolicy)
    end_time: datetime | None = None
    estimated_run_time: float = 0.0
    estimated_start_time_delta: float = 0.0
    expected_start_time: datetime | None = None
    flow_id: UUID
    flow_version: str | None = None
    id: UUID
    idempotency_key: str | None = None
    infrastructure_document_id: UUID | None = None
    infrastructure_pid: str | None = None
    job_variables: dict[str, Any] | None = None
    labels: dict[str, bool | int | float | str] | None = None
    name: str | UnsetType = UNSET
    next_scheduled_start_time: datetime | None = None
    parameters: dict[str, Any] = {}
    parent_task_run_id: UUID | None = None
    run_count: int = 0
    start_time: datetime | None = None
    state: State | None = None
    state_id: UUID | None = None
    state_name: str | None = None
    state_type: StateType | None = None
    tags: list[str] = []
    total_run_time: float = 0.0
    updated: datetime | None
    work_queue_id: UUID | None = None
    work_queue_name: str | None = None


class FlowRunCreateResult(Wire, kw_only=True):
    error: str | None = None
    flow_run_id: UUID | None = None
    status: Literal["CREATED", "FAILED"]


class FlowRunBulkCreateResponse(Wire, kw_only=True):
    results: list[FlowRunCreateResult] = []


class FlowRunBulkDeleteResponse(Wire, kw_only=True):
    deleted: list[UUID] = []


class FlowRunBulkSetStateResponse(Wire, kw_only=True):
    results: list[FlowRunOrchestrationResult] = []


class FlowRunCreate(Strict, kw_only=True):
    context: dict[str, Any] = {}
    deployment_id: UUID | None = None
    empirical_policy: FlowRunPolicy = msgspec.field(default_factory=FlowRunPolicy)
    flow_id: UUID
    flow_version: str | None = None
    idempotency_key: str | None = None
    infrastructure_document_id: UUID | None = None
    job_variables: dict[str, Any] | None = None
    labels: dict[str, bool | int | float | str] | None = None
    name: str | None | UnsetType = UNSET
    parameters: dict[str, Any] = {}
    parent_task_run_id: UUID | None = None
    state: StateCreate | None = None
    tags: list[str] = []
    work_pool_name: str | None = None
    work_queue_name: str | None = None


class FlowRunResponse(Wire, kw_only=True):
    auto_scheduled: bool = False
    context: dict[str, Any] = {}
    created: datetime | None
    created_by: CreatedBy | None = None
    deployment_id: UUID | None = None
    deployment_version: str | None = None
    empirical_policy: FlowRunPolicy = msgspec.field(default_factory=FlowRunPolicy)
    end_time: datetime | None = None
    estimated_run_time: float = 0.0
    estimated_start_time_delta: float = 0.0
    expected_start_time: datetime | None = None
    flow_id: UUID
    flow_version: str | None = None
    id: UUID
    idempotency_key: str | None = None
    infrastructure_document_id: UUID | None = None
    infrastructure_pid: str | None = None
    job_variables: dict[str, Any] | None = None
    labels: dict[str, bool | int | float | str] = {}
    name: str | UnsetType = UNSET
    next_scheduled_start_time: datetime | None = None
    parameters: dict[str, Any] = {}
    parent_task_run_id: UUID | None = None
    run_count: int = 0
    start_time: datetime | None = None
    state: State | None = None
    state_id: UUID | None = None
    state_name: str | None = None
    state_type: StateType | None = None
    tags: list[str] = []
    total_run_time: float = 0.0
    updated: datetime | None
    work_pool_id: UUID | None = None
    work_pool_name: str | None = None
    work_queue_id: UUID | None = None
    work_queue_name: str | None = None


class FlowRunPaginationResponse(Wire, kw_only=True):
    count: int
    limit: int
    page: int
    pages: int
    results: list[FlowRunResponse]


class FlowRunUpdate(Strict, kw_only=True):
    empirical_policy: FlowRunPolicy | UnsetType = UNSET
    flow_version: str | None | UnsetType = UNSET
    infrastructure_pid: str | None | UnsetType = UNSET
    job_variables: dict[str, Any] | None | UnsetType = UNSET
    name: str | None | UnsetType = UNSET
    parameters: dict[str, Any] | UnsetType = UNSET
    tags: list[str] | UnsetType = UNSET
