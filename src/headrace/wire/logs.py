"""Wire objects of logs."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated
from uuid import UUID

from msgspec import UNSET, Meta, UnsetType

from headrace.wire.filters import Operator
from headrace.wire.objects import Strict, Wire


class LogFilterFlowRunId(Strict, kw_only=True):
    any_: list[UUID] | None = None


class LogFilterLevel(Strict, kw_only=True):
    ge_: int | None = None
    le_: int | None = None


class LogFilterTaskRunId(Strict, kw_only=True):
    any_: list[UUID] | None = None
    is_null_: bool | None = None


class LogFilterTextSearch(Strict, kw_only=True):
    query: Annotated[str, Meta(max_length=200)]


class LogFilterTimestamp(Strict, kw_only=True):
    after_: datetime | None = None
    before_: datetime | None = None


class LogFilter(Strict, kw_only=True):
    flow_run_id: LogFilterFlowRunId | None = None
    level: LogFilterLevel | None = None
    operator: Operator = Operator.AND
    task_run_id: LogFilterTaskRunId | None = None
    text: LogFilterTextSearch | None = None
    timestamp: LogFilterTimestamp | None = None


class LogSort(StrEnum):
    TIMESTAMP_ASC = "TIMESTAMP_ASC"
    TIMESTAMP_DESC = "TIMESTAMP_DESC"


class ReadLogsBody(Wire, kw_only=True):
    limit: int | UnsetType = UNSET
    logs: LogFilter | None = None
    offset: Annotated[int, Meta(ge=0)] = 0
    sort: LogSort = LogSort.TIMESTAMP_ASC


class Log(Wire, kw_only=True):
    created: datetime | None
    flow_run_id: UUID | None = None
    id: UUID
    level: int
    message: str
    name: str
    task_run_id: UUID | None = None
    timestamp: datetime
    updated: datetime | None


class LogCreate(Strict, kw_only=True):
    flow_run_id: UUID | None = None
    level: int
    message: str
    name: str
    task_run_id: UUID | None = None
    timestamp: datetime
