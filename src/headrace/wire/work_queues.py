"""Wire objects of work queues."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated
from uuid import UUID

import msgspec
from msgspec import UNSET, Meta, UnsetType

from headrace.wire.filters import QueueFilter, WorkQueueFilter
from headrace.wire.objects import Strict, Wire
from headrace.wire.states import StateType


class ReadWorkQueueConcurrencyStatusBody(Wire, kw_only=True):
    limit: int | UnsetType = UNSET
    page: Annotated[int, Meta(ge=1)] = 1


class ReadWorkQueueRunsBody(Wire, kw_only=True):
    limit: int | UnsetType = UNSET
    scheduled_before: datetime | UnsetType = UNSET


class ReadWorkQueuesBody(Wire, kw_only=True):
    limit: int | UnsetType = UNSET
    offset: Annotated[int, Meta(ge=0)] = 0
    work_queues: WorkQueueFilter = msgspec.field(default_factory=WorkQueueFilter)


class ReadAllWorkQueuesBody(Wire, kw_only=True):
    limit: int | UnsetType = UNSET
    offset: Annotated[int, Meta(ge=0)] = 0
    work_queues: WorkQueueFilter | None = None


class FlowRunSlotSummary(Wire, kw_only=True):
    id: UUID
    name: str
    start_time: datetime | None = None
    state_name: str | None = None
    state_timestamp: datetime | None = None
    state_type: StateType | None = None
    time_in_current_state: float | None = None


class WorkQueue(Wire, kw_only=True):
    concurrency_limit: Annotated[int, Meta(ge=0)] | None = None
    created: datetime | None
    description: str | None = ""
    filter: QueueFilter | None = None
    id: UUID
    is_paused: bool = False
    last_polled: datetime | None = None
    name: Annotated[str, Meta(pattern="^[^/%&><]+$")]
    priority: Annotated[int, Meta(gt=0)] = 1
    updated: datetime | None
    work_pool_id: UUID | None = None


class WorkQueueConcurrencyStatus(Wire, kw_only=True):
    active_slots: int
    concurrency_limit: int | None = None
    count: int
    flow_runs: list[FlowRunSlotSummary] = []
    limit: int
    page: int
    pages: int


class WorkQueueConcurrencyStatusDetail(Wire, kw_only=True):
    active_slots: int
    concurrency_limit: int | None = None
    flow_run_count: int | None = None
    flow_runs: list[FlowRunSlotSummary] = []
    queue_id: UUID
    queue_name: str


class WorkQueueCreate(Strict, kw_only=True):
    concurrency_limit: Annotated[int, Meta(ge=0)] | None = None
    description: str | None = ""
    filter: QueueFilter | None = None
    is_paused: bool = False
    name: Annotated[str, Meta(pattern="^[^/%&><]+$")]
    priority: Annotated[int, Meta(gt=0)] | None = None


class WorkQueueHealthPolicy(Wire, kw_only=True):
    maximum_late_runs: int | None = 0
    maximum_seconds_since_last_polled: int | None = 60


class WorkQueueStatus(StrEnum):
    READY = "READY"
    NOT_READY = "NOT_READY"
    PAUSED = "PAUSED"


class WorkQueueResponse(Wire, kw_only=True):
    active_slots: int | None = None
    concurrency_limit: Annotated[int, Meta(ge=0)] | None = None
    created: datetime | None
    description: str | None = ""
    filter: QueueFilter | None = None
    id: UUID
    is_paused: bool = False
    last_polled: datetime | None = None
    name: Annotated[str, Meta(pattern="^[^/%&><]+$")]
    priority: Annotated[int, Meta(gt=0)] = 1
    status: WorkQueueStatus | None = None
    updated: datetime | None
    work_pool_id: UUID | None = None
    work_pool_name: str | None = None


class WorkQueueStatusDetail(Wire, kw_only=True):
    health_check_policy: WorkQueueHealthPolicy
    healthy: bool
    last_polled: datetime | None = None
    late_runs_count: int = 0


class WorkQueueUpdate(Strict, kw_only=True):
    concurrency_limit: Annotated[int, Meta(ge=0)] | None | UnsetType = UNSET
    description: str | None | UnsetType = UNSET
    filter: QueueFilter | None | UnsetType = UNSET
    is_paused: bool | UnsetType = UNSET
    last_polled: datetime | None | UnsetType = UNSET
    name: str | None | UnsetType = UNSET
    priority: Annotated[int, Meta(gt=0)] | None | UnsetType = UNSET
