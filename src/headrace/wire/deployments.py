"""Wire objects of deployments."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any
from uuid import UUID

import msgspec
from msgspec import UNSET, Meta, UnsetType

from headrace.wire.common import CreatedBy, UpdatedBy
from headrace.wire.concurrency_limits import GlobalConcurrencyLimitResponse
from headrace.wire.filters import (
    DeploymentFilter,
    FlowFilter,
    FlowRunFilter,
    TaskRunFilter,
    WorkPoolFilter,
    WorkQueueFilter,
)
from headrace.wire.flow_runs import FlowRunPolicy
from headrace.wire.misfires import MisfireOptions
from headrace.wire.objects import Strict, Wire
from headrace.wire.states import StateCreate


class BulkDeleteDeploymentsBody(Wire, kw_only=True):
    deployments: DeploymentFilter | None = None
    limit: Annotated[int, Meta(ge=1, le=50)] = 50


class CountDeploymentsBody(Wire, kw_only=True):
    deployments: DeploymentFilter | None = None
    flow_runs: FlowRunFilter | None = None
    flows: FlowFilter | None = None
    task_runs: TaskRunFilter | None = None
    work_pool_queues: WorkQueueFilter | None = None
    work_pools: WorkPoolFilter | None = None


class GetScheduledFlowRunsForDeploymentsBody(Wire, kw_only=True):
    deployment_ids: list[UUID]
    limit: int | UnsetType = UNSET
    scheduled_before: datetime | UnsetType = UNSET


class DeploymentSort(StrEnum):
    CREATED_DESC = "CREATED_DESC"
    UPDATED_DESC = "UPDATED_DESC"
    NAME_ASC = "NAME_ASC"
    NAME_DESC = "NAME_DESC"


class PaginateDeploymentsBody(Wire, kw_only=True):
    deployments: DeploymentFilter | None = None
    flow_runs: FlowRunFilter | None = None
    flows: FlowFilter | None = None
    limit: int | UnsetType = UNSET
    page: Annotated[int, Meta(ge=1)] = 1
    sort: DeploymentSort = DeploymentSort.NAME_ASC
    task_runs: TaskRunFilter | None = None
    work_pool_queues: WorkQueueFilter | None = None
    work_pools: WorkPoolFilter | None = None


class ReadDeploymentsBody(Wire, kw_only=True):
    deployments: DeploymentFilter | None = None
    flow_runs: FlowRunFilter | None = None
    flows: FlowFilter | None = None
    limit: int | UnsetType = UNSET
    offset: Annotated[int, Meta(ge=0)] = 0
    sort: DeploymentSort = DeploymentSort.NAME_ASC
    task_runs: TaskRunFilter | None = None
    work_pool_queues: WorkQueueFilter | None = None
    work_pools: WorkPoolFilter | None = None


class ScheduleDeploymentBody(Wire, kw_only=True):
    end_time: datetime | UnsetType = UNSET
    max_runs: int | UnsetType = UNSET
    min_runs: int | UnsetType = UNSET
    min_time: float | UnsetType = UNSET
    start_time: datetime | UnsetType = UNSET


class ConcurrencyLimitStrategy(StrEnum):
    ENQUEUE = "ENQUEUE"
    CANCEL_NEW = "CANCEL_NEW"


class ConcurrencyOptions(Wire, kw_only=True):
    collision_strategy: ConcurrencyLimitStrategy
    grace_period_seconds: Annotated[int, Meta(ge=60, le=86400)] | None = None


class DeploymentBulkDeleteResponse(Wire, kw_only=True):
    deleted: list[UUID] = []


class DeploymentScheduleCreate(Strict, kw_only=True):
    active: bool = True
    max_scheduled_runs: Annotated[int, Meta(gt=0)] | None = None
    misfire: MisfireOptions | None | UnsetType = UNSET  # ours
    parameters: dict[str, Any] = {}
    replaces: str | None = None
    schedule: msgspec.Raw
    slug: str | None = None


class VersionInfo(Wire, kw_only=True):
    type: str
    version: str


class DeploymentCreate(Strict, kw_only=True):
    concurrency_limit: Annotated[int, Meta(gt=0)] | None = None
    concurrency_options: ConcurrencyOptions | None = None
    description: str | None = None
    enforce_parameter_schema: bool = True
    entrypoint: str | None = None
    flow_id: UUID
    global_concurrency_limit_id: UUID | None = None
    infrastructure_document_id: UUID | None = None
    job_variables: dict[str, Any] = {}
    labels: dict[str, bool | int | float | str] | None = None
    name: str
    parameter_openapi_schema: dict[str, Any] | None = None
    parameters: dict[str, Any] = {}
    path: str | None = None
    paused: bool = False
    pull_steps: list[dict[str, Any]] | None = None
    schedules: list[DeploymentScheduleCreate] = []
    storage_document_id: UUID | None = None
    tags: list[str] = []
    version: str | None = None
    version_info: VersionInfo | None = None
    work_pool_name: str | None = None
    work_queue_name: str | None = None


class DeploymentFlowRunCreate(Strict, kw_only=True):
    context: dict[str, Any] = {}
    empirical_policy: FlowRunPolicy = msgspec.field(default_factory=FlowRunPolicy)
    enforce_parameter_schema: bool | None = None
    idempotency_key: str | None = None
    infrastructure_document_id: UUID | None = None
    job_variables: dict[str, Any] | None = {}
    labels: dict[str, bool | int | float | str] | None = None
    name: str | None | UnsetType = UNSET
    parameters: dict[str, Any] = {}
    parent_task_run_id: UUID | None = None
    state: StateCreate | None = None
    tags: list[str] = []
    work_queue_name: str | None = None


class DeploymentSchedule(Wire, kw_only=True):
    active: bool = True
    created: datetime | None
    deployment_id: UUID | None = None
    id: UUID
    max_scheduled_runs: Annotated[int, Meta(gt=0)] | None = None
    misfire: MisfireOptions | UnsetType = UNSET  # ours; left out where there is none
    parameters: dict[str, Any] = {}
    schedule: msgspec.Raw
    slug: str | None = None
    updated: datetime | None


class DeploymentStatus(StrEnum):
    READY = "READY"
    NOT_READY = "NOT_READY"


class DeploymentResponse(Wire, kw_only=True):
    concurrency_limit: int | None = None
    concurrency_options: ConcurrencyOptions | None = None
    created: datetime | None
    created_by: CreatedBy | None = None
    description: str | None = None
    enforce_parameter_schema: bool = True
    entrypoint: str | None = None
    flow_id: UUID
    global_concurrency_limit: GlobalConcurrencyLimitResponse | None = None
    id: UUID
    infrastructure_document_id: UUID | None = None
    job_variables: dict[str, Any] = {}
    labels: dict[str, bool | int | float | str] = {}
    last_polled: datetime | None = None
    name: str
    parameter_openapi_schema: dict[str, Any] | None = None
    parameters: dict[str, Any] = {}
    path: str | None = None
    paused: bool = False
    pull_steps: list[dict[str, Any]] | None = None
    schedules: list[DeploymentSchedule] = []
    status: DeploymentStatus | None = DeploymentStatus.NOT_READY
    storage_document_id: UUID | None = None
    tags: list[str] = []
    updated: datetime | None
    updated_by: UpdatedBy | None = None
    version: str | None = None
    work_pool_name: str | None = None
    work_queue_id: UUID | None = None
    work_queue_name: str | None = None


class DeploymentPaginationResponse(Wire, kw_only=True):
    count: int
    limit: int
    page: int
    pages: int
    results: list[DeploymentResponse]


class DeploymentScheduleUpdate(Strict, kw_only=True):
    active: bool | None | UnsetType = UNSET
    max_scheduled_runs: Annotated[int, Meta(gt=0)] | None | UnsetType = UNSET
    misfire: MisfireOptions | None | UnsetType = UNSET  # ours
    parameters: dict[str, Any] | UnsetType = UNSET
    replaces: str | None | UnsetType = UNSET
    schedule: dict[str, Any] | None | UnsetType = UNSET
    slug: str | None | UnsetType = UNSET


class DeploymentUpdate(Strict, kw_only=True):
    concurrency_limit: Annotated[int, Meta(gt=0)] | None | UnsetType = UNSET
    concurrency_options: ConcurrencyOptions | None | UnsetType = UNSET
    description: str | None | UnsetType = UNSET
    enforce_parameter_schema: bool | None | UnsetType = UNSET
    entrypoint: str | None | UnsetType = UNSET
    global_concurrency_limit_id: UUID | None | UnsetType = UNSET
    infrastructure_document_id: UUID | None | UnsetType = UNSET
    job_variables: dict[str, Any] | None | UnsetType = UNSET
    parameter_openapi_schema: dict[str, Any] | None | UnsetType = UNSET
    parameters: dict[str, Any] | None | UnsetType = UNSET
    path: str | None | UnsetType = UNSET
    paused: bool | UnsetType = UNSET
    pull_steps: list[dict[str, Any]] | None | UnsetType = UNSET
    schedules: list[DeploymentScheduleUpdate] | UnsetType = UNSET
    storage_document_id: UUID | None | UnsetType = UNSET
    tags: list[str] | UnsetType = UNSET
    version: str | None | UnsetType = UNSET
    version_info: VersionInfo | None | UnsetType = UNSET
    work_pool_name: str | None | UnsetType = UNSET
    work_queue_name: str | None | UnsetType = UNSET
