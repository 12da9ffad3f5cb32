"""Wire objects of task runs."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated
from uuid import UUID

import msgspec
from msgspec import UNSET, Meta, UnsetType

from headrace.wire.filters import DeploymentFilter, FlowFilter, FlowRunFilter, TaskRunFilter
from headrace.wire.objects import Strict, Wire
from headrace.wire.orchestration import FlowRunResult
from headrace.wire.states import State, StateCreate, StateType


class CountTaskRunsBody(Wire, kw_only=True):
    deployments: DeploymentFilter | UnsetType = UNSET
    flow_runs: FlowRunFilter | UnsetType = UNSET
    flows: FlowFilter | UnsetType = UNSET
    task_runs: TaskRunFilter | UnsetType = UNSET


class TaskRunSort(StrEnum):
    ID_DESC = "ID_DESC"
    EXPECTED_START_TIME_ASC = "EXPECTED_START_TIME_ASC"
    EXPECTED_START_TIME_DESC = "EXPECTED_START_TIME_DESC"
    NAME_ASC = "NAME_ASC"
    NAME_DESC = "NAME_DESC"
    NEXT_SCHEDULED_START_TIME_ASC = "NEXT_SCHEDULED_START_TIME_ASC"
    END_TIME_DESC = "END_TIME_DESC"


class PaginateTaskRunsBody(Wire, kw_only=True):
    deployments: DeploymentFilter | None = None
    flow_runs: FlowRunFilter | None = None
    flows: FlowFilter | None = None
    limit: int | UnsetType = UNSET
    page: Annotated[int, Meta(ge=1)] = 1
    sort: TaskRunSort = TaskRunSort.ID_DESC
    task_runs: TaskRunFilter | None = None


class ReadTaskRunsBody(Wire, kw_only=True):
    deployments: DeploymentFilter | None = None
    flow_runs: FlowRunFilter | None = None
    flows: FlowFilter | None = None
    limit: int | UnsetType = UNSET
    offset: Annotated[int, Meta(ge=0)] = 0
    sort: TaskRunSort = TaskRunSort.ID_DESC
    task_runs: TaskRunFilter | None = None


class SetTaskRunStateBody(Wire, kw_only=True):
    force: bool = False
    state: StateCreate


class TaskRunHistoryBody(Wire, kw_only=True):
    deployments: DeploymentFilter | UnsetType = UNSET
    flow_runs: FlowRunFilter | UnsetType = UNSET
    flows: FlowFilter | UnsetType = UNSET
    history_end: datetime
    history_interval_seconds: float
    history_start: datetime
    task_runs: TaskRunFilter | UnsetType = UNSET


class Constant(Wire, kw_only=True, tag_field="input_type", tag="constant"):
    type: str


class Parameter(Wire, kw_only=True, tag_field="input_type", tag="parameter"):
    name: str


class TaskRunPolicy(Wire, kw_only=True):
    max_retries: int = 0
    retries: int | None = None
    retry_delay: int | float | list[int | float] | None = None
    retry_delay_seconds: float = 0
    retry_jitter_factor: float | None = None

    def __post_init__(self) -> None:
        """What older clients say under older names is what newer ones read."""
        if self.retries is None and self.max_retries:
            self.retries = self.max_retries
        if self.retry_delay is None and self.retry_delay_seconds:
            self.retry_delay = self.retry_delay_seconds


class TaskRunResult(Wire, kw_only=True, tag_field="input_type", tag="task_run"):
    id: UUID


class TaskRun(Wire, kw_only=True):
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


class TaskRunCreate(Strict, kw_only=True):
    cache_expiration: datetime | None = None
    cache_key: str | None = None
    dynamic_key: str
    empirical_policy: TaskRunPolicy = msgspec.field(default_factory=TaskRunPolicy)
    flow_run_id: UUID | None = None
    id: UUID | None = None
    labels: dict[str, bool | int | float | str] | None = None
    name: str | None | UnsetType = UNSET
    state: StateCreate | None = None
    tags: list[str] = []
    task_inputs: dict[str, list[TaskRunResult | FlowRunResult | Parameter | Constant]] = {}
    task_key: str
    task_version: str | None = None


class TaskRunResponse(Wire, kw_only=True):
    created: datetime | None
    empirical_policy: TaskRunPolicy = msgspec.field(default_factory=TaskRunPolicy)
    end_time: datetime | None = None
    estimated_run_time: float = 0.0
    estimated_start_time_delta: float = 0.0
    flow_run_id: UUID | None = None
    id: UUID
    name: str | UnsetType = UNSET
    start_time: datetime | None = None
    state: State | None = None
    state_id: UUID | None = None
    tags: list[str] = []
    task_inputs: dict[str, list[TaskRunResult | FlowRunResult | Parameter | Constant]] = {}
    task_key: str
    task_version: str | None = None
    total_run_time: float = 0.0
    updated: datetime | None


class TaskRunPaginationResponse(Wire, kw_only=True):
    count: int
    limit: int
    page: int
    pages: int
    results: list[TaskRunResponse]


class TaskRunUpdate(Strict, kw_only=True):
    name: str | UnsetType = UNSET
