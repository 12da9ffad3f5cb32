"""Wire objects of workers."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated
from uuid import UUID

from msgspec import UNSET, Meta, UnsetType

from headrace.wire.filters import Operator
from headrace.wire.objects import Strict, Wire


class WorkerFilterLastHeartbeatTime(Strict, kw_only=True):
    after_: datetime | None = None
    before_: datetime | None = None


class WorkerStatus(StrEnum):
    ONLINE = "ONLINE"
    OFFLINE = "OFFLINE"


class WorkerFilterStatus(Strict, kw_only=True):
    any_: list[WorkerStatus] | None = None
    not_any_: list[WorkerStatus] | None = None


class WorkerFilter(Strict, kw_only=True):
    last_heartbeat_time: WorkerFilterLastHeartbeatTime | None = None
    operator: Operator = Operator.AND
    status: WorkerFilterStatus | None = None


class ReadWorkersBody(Wire, kw_only=True):
    limit: int | UnsetType = UNSET
    offset: Annotated[int, Meta(ge=0)] = 0
    workers: WorkerFilter | None = None


class WorkerHeartbeatBody(Wire, kw_only=True):
    heartbeat_interval_seconds: int | None = None
    name: str


class WorkerResponse(Wire, kw_only=True):
    created: datetime | None
    heartbeat_interval_seconds: int | None = None
    id: UUID
    last_heartbeat_time: datetime | None = None
    name: str
    status: WorkerStatus = WorkerStatus.OFFLINE
    updated: datetime | None
    work_pool_id: UUID
