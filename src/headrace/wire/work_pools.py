"""Wire objects of work pools."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any
from uuid import UUID

import msgspec
from msgspec import UNSET, Meta, UnsetType

from headrace.wire.filters import WorkPoolFilter
from headrace.wire.flow_runs import FlowRun
from headrace.wire.objects import Strict, Wire
from headrace.wire.work_queues import WorkQueueConcurrencyStatusDetail


class CountWorkPoolsBody(Wire, kw_only=True):
    work_pools: WorkPoolFilter | None = None


class GetScheduledFlowRunsBody(Wire, kw_only=True):
    limit: int | UnsetType = UNSET
    scheduled_after: datetime | UnsetType = UNSET
    scheduled_before: datetime | UnsetType = UNSET
    work_queue_names: list[str] = []


class ReadWorkPoolConcurrencyStatusBody(Wire, kw_only=True):
    flow_run_limit: Annotated[int, Meta(ge=0, le=200)] = 10
    limit: int | UnsetType = UNSET
    page: Annotated[int, Meta(ge=1)] = 1


class ReadWorkPoolsBody(Wire, kw_only=True):
    limit: int | UnsetType = UNSET
    offset: Annotated[int, Meta(ge=0)] = 0
    work_pools: WorkPoolFilter | None = None


class WorkPoolConcurrencyStatus(Wire, kw_only=True):
    active_slots: int
    concurrency_limit: int | None = None
    count: int
    limit: int
    page: int
    pages: int
    queues: list[WorkQueueConcurrencyStatusDetail] = []


class WorkPoolStorageConfiguration(Strict, kw_only=True):
    bundle_execution_step: dict[str, Any] | None = None
    bundle_upload_step: dict[str, Any] | None = None
    default_result_storage_block_id: UUID | None = None


class WorkPoolCreate(Strict, kw_only=True):
    base_job_template: dict[str, Any] = {}
    concurrency_limit: Annotated[int, Meta(ge=0)] | None = None
    description: str | None = None
    is_paused: bool = False
    name: Annotated[str, Meta(pattern="^[^/%&><]+$")]
    storage_configuration: WorkPoolStorageConfiguration = msgspec.field(
        default_factory=WorkPoolStorageConfiguration
    )
    type: str = "prefect-agent"


class WorkPoolStatus(StrEnum):
    READY = "READY"
    NOT_READY = "NOT_READY"
    PAUSED = "PAUSED"


class WorkPoolResponse(Wire, kw_only=True):
    active_slots: int | None = None
    base_job_template: dict[str, Any] = {}
    concurrency_limit: Annotated[int, Meta(ge=0)] | None = None
    created: datetime | None
    default_queue_id: UUID | None = None
    description: str | None = None
    id: UUID
    is_paused: bool = False
    name: Annotated[str, Meta(pattern="^[^/%&><]+$")]
    status: WorkPoolStatus | None = None
    storage_configuration: WorkPoolStorageConfiguration = msgspec.field(
        default_factory=WorkPoolStorageConfiguration
    )
    type: str
    updated: datetime | None


class WorkPoolUpdate(Strict, kw_only=True):
    base_job_template: dict[str, Any] | None | UnsetType = UNSET
    concurrency_limit: Annotated[int, Meta(ge=0)] | None | UnsetType = UNSET
    description: str | None | UnsetType = UNSET
    is_paused: bool | None | UnsetType = UNSET
    storage_configuration: WorkPoolStorageConfiguration | None | UnsetType = UNSET


class WorkerFlowRunResponse(Wire, kw_only=True):
    flow_run: FlowRun
    work_pool_id: UUID
    work_queue_id: UUID
