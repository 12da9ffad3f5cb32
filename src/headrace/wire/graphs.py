"""Wire objects of graphs."""

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from msgspec import Meta

from headrace.wire.objects import Wire
from headrace.wire.states import State, StateType
from headrace.wire.task_runs import TaskRunResult


class DependencyResult(Wire, kw_only=True):
    end_time: datetime | None
    estimated_run_time: float | None
    expected_start_time: datetime | None
    id: UUID
    name: str
    start_time: datetime | None
    state: State | None
    total_run_time: float | None
    untrackable_result: bool
    upstream_dependencies: list[TaskRunResult]


class Edge(Wire, kw_only=True):
    id: UUID


class GraphArtifact(Wire, kw_only=True):
    created: datetime
    data: Any
    id: UUID
    is_latest: bool
    key: str | None
    type: str | None


class GraphState(Wire, kw_only=True):
    id: UUID
    name: str
    timestamp: datetime
    type: StateType


class Node(Wire, kw_only=True):
    artifacts: list[GraphArtifact]
    children: list[Edge]
    encapsulating: list[Edge]
    end_time: datetime | None
    id: UUID
    kind: Literal["flow-run", "task-run"]
    label: str
    parents: list[Edge]
    start_time: datetime
    state_type: StateType


class Graph(Wire, kw_only=True):
    artifacts: list[GraphArtifact]
    end_time: datetime | None
    nodes: list[Annotated[list[Any], Meta(min_length=2, max_length=2)]]
    root_node_ids: list[UUID]
    start_time: datetime | None
    states: list[GraphState]
