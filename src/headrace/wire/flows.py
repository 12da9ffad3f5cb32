"""Wire objects of flows."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated
from uuid import UUID

from msgspec import UNSET, Meta, UnsetType

from headrace.wire.filters import (
    DeploymentFilter,
    FlowFilter,
    FlowRunFilter,
    TaskRunFilter,
    WorkPoolFilter,
)
from headrace.wire.objects import Strict, Wire


class BulkDeleteFlowsBody(Wire, kw_only=True):
    flows: FlowFilter | None = None
    limit: Annotated[int, Meta(ge=1, le=50)] = 50


class CountFlowsBody(Wire, kw_only=True):
    deployments: DeploymentFilter | UnsetType = UNSET
    flow_runs: FlowRunFilter | UnsetType = UNSET
    flows: FlowFilter | UnsetType = UNSET
    task_runs: TaskRunFilter | UnsetType = UNSET
    work_pools: WorkPoolFilter | UnsetType = UNSET


class FlowSort(StrEnum):
    CREATED_DESC = "CREATED_DESC"
    UPDATED_DESC = "UPDATED_DESC"
    NAME_ASC = "NAME_ASC"
    NAME_DESC = "NAME_DESC"


class PaginateFlowsBody(Wire, kw_only=True):
    deployments: DeploymentFilter | None = None
    flow_runs: FlowRunFilter | None = None
    flows: FlowFilter | None = None
    limit: int | UnsetType = UNSET
    page: Annotated[int, Meta(ge=1)] = 1
    sort: FlowSort = FlowSort.NAME_ASC
    task_runs: TaskRunFilter | None = None
    work_pools: WorkPoolFilter | None = None


class ReadFlowsBody(Wire, kw_only=True):
    deployments: DeploymentFilter | UnsetType = UNSET
    flow_runs: FlowRunFilter | UnsetType = UNSET
    flows: FlowFilter | UnsetType = UNSET
    limit: int | UnsetType = UNSET
    offset: Annotated[int, Meta(ge=0)] = 0
    sort: FlowSort = FlowSort.NAME_ASC
    task_runs: TaskRunFilter | UnsetType = UNSET
    work_pools: WorkPoolFilter | UnsetType = UNSET


class Flow(Wire, kw_only=True):
    created: datetime | None
    id: UUID
    labels: dict[str, bool | int | float | str] | None = None
    name: Annotated[str, Meta(pattern="^[^/%&><]+$")]
    tags: list[str] = []
    updated: datetime | None


class FlowBulkDeleteResponse(Wire, kw_only=True):
    deleted: list[UUID] = []


class FlowCreate(Strict, kw_only=True):
    labels: dict[str, bool | int | float | str] | None = None
    name: Annotated[str, Meta(pattern="^[^/%&><]+$")]
    tags: list[str] = []


class FlowPaginationResponse(Wire, kw_only=True):
    count: int
    limit: int
    page: int
    pages: int
    results: list[Flow]


class FlowUpdate(Strict, kw_only=True):
    tags: list[str] | UnsetType = UNSET
