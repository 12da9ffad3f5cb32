"""Wire objects of artifacts."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any
from uuid import UUID

from msgspec import UNSET, Meta, UnsetType

from headrace.wire.filters import (
    DeploymentFilter,
    FlowFilter,
    FlowRunFilter,
    Operator,
    TaskRunFilter,
)
from headrace.wire.objects import Strict, Wire


class Artifact(Wire, kw_only=True):
    created: datetime | None = None
    data: Any = None
    description: str | None = None
    flow_run_id: UUID | None = None
    id: UUID | UnsetType = UNSET
    key: str | None = None
    metadata_: dict[str, str] | None = None
    task_run_id: UUID | None = None
    type: str | None = None
    updated: datetime | None = None


class ArtifactCollection(Wire, kw_only=True):
    created: datetime | None
    data: Any = None
    description: str | None = None
    flow_run_id: UUID | None = None
    id: UUID
    key: str
    latest_id: UUID
    metadata_: dict[str, str] | None = None
    task_run_id: UUID | None = None
    type: str | None = None
    updated: datetime | None


class ArtifactCollectionFilterFlowRunId(Strict, kw_only=True):
    any_: list[UUID] | None = None


class ArtifactCollectionFilterKey(Strict, kw_only=True):
    any_: list[str] | None = None
    exists_: bool | None = None
    like_: str | None = None


class ArtifactCollectionFilterLatestId(Strict, kw_only=True):
    any_: list[UUID] | None = None


class ArtifactCollectionFilterTaskRunId(Strict, kw_only=True):
    any_: list[UUID] | None = None


class ArtifactCollectionFilterType(Strict, kw_only=True):
    any_: list[str] | None = None
    not_any_: list[str] | None = None


class ArtifactCollectionFilter(Strict, kw_only=True):
    flow_run_id: ArtifactCollectionFilterFlowRunId | None = None
    key: ArtifactCollectionFilterKey | None = None
    latest_id: ArtifactCollectionFilterLatestId | None = None
    operator: Operator = Operator.AND
    task_run_id: ArtifactCollectionFilterTaskRunId | None = None
    type: ArtifactCollectionFilterType | None = None


class ArtifactCollectionSort(StrEnum):
    CREATED_DESC = "CREATED_DESC"
    UPDATED_DESC = "UPDATED_DESC"
    ID_DESC = "ID_DESC"
    KEY_DESC = "KEY_DESC"
    KEY_ASC = "KEY_ASC"


class ArtifactCreate(Strict, kw_only=True):
    data: Any = None
    description: str | None = None
    flow_run_id: UUID | None = None
    key: str | None = None
    metadata_: dict[str, str] | None = None
    task_run_id: UUID | None = None
    type: str | None = None


class ArtifactFilterFlowRunId(Strict, kw_only=True):
    any_: list[UUID] | None = None


class ArtifactFilterId(Strict, kw_only=True):
    any_: list[UUID] | None = None


class ArtifactFilterKey(Strict, kw_only=True):
    any_: list[str] | None = None
    exists_: bool | None = None
    like_: str | None = None


class ArtifactFilterTaskRunId(Strict, kw_only=True):
    any_: list[UUID] | None = None


class ArtifactFilterType(Strict, kw_only=True):
    any_: list[str] | None = None
    not_any_: list[str] | None = None


class ArtifactFilter(Strict, kw_only=True):
    flow_run_id: ArtifactFilterFlowRunId | None = None
    id: ArtifactFilterId | None = None
    key: ArtifactFilterKey | None = None
    operator: Operator = Operator.AND
    task_run_id: ArtifactFilterTaskRunId | None = None
    type: ArtifactFilterType | None = None


class ArtifactSort(StrEnum):
    CREATED_DESC = "CREATED_DESC"
    UPDATED_DESC = "UPDATED_DESC"
    ID_DESC = "ID_DESC"
    KEY_DESC = "KEY_DESC"
    KEY_ASC = "KEY_ASC"


class ArtifactUpdate(Strict, kw_only=True):
    data: Any | UnsetType = UNSET
    description: str | None | UnsetType = UNSET
    metadata_: dict[str, str] | None | UnsetType = UNSET


class CountArtifactsBody(Wire, kw_only=True):
    artifacts: ArtifactFilter | UnsetType = UNSET
    deployments: DeploymentFilter | UnsetType = UNSET
    flow_runs: FlowRunFilter | UnsetType = UNSET
    flows: FlowFilter | UnsetType = UNSET
    task_runs: TaskRunFilter | UnsetType = UNSET


class CountLatestArtifactsBody(Wire, kw_only=True):
    artifacts: ArtifactCollectionFilter | UnsetType = UNSET
    deployments: DeploymentFilter | UnsetType = UNSET
    flow_runs: FlowRunFilter | UnsetType = UNSET
    flows: FlowFilter | UnsetType = UNSET
    task_runs: TaskRunFilter | UnsetType = UNSET


class ReadArtifactsBody(Wire, kw_only=True):
    artifacts: ArtifactFilter | UnsetType = UNSET
    deployments: DeploymentFilter | UnsetType = UNSET
    flow_runs: FlowRunFilter | UnsetType = UNSET
    flows: FlowFilter | UnsetType = UNSET
    limit: int | UnsetType = UNSET
    offset: Annotated[int, Meta(ge=0)] = 0
    sort: ArtifactSort = ArtifactSort.ID_DESC
    task_runs: TaskRunFilter | UnsetType = UNSET


class ReadLatestArtifactsBody(Wire, kw_only=True):
    artifacts: ArtifactCollectionFilter | UnsetType = UNSET
    deployments: DeploymentFilter | UnsetType = UNSET
    flow_runs: FlowRunFilter | UnsetType = UNSET
    flows: FlowFilter | UnsetType = UNSET
    limit: int | UnsetType = UNSET
    offset: Annotated[int, Meta(ge=0)] = 0
    sort: ArtifactCollectionSort = ArtifactCollectionSort.ID_DESC
    task_runs: TaskRunFilter | UnsetType = UNSET
