"""The orders of lists. Each ends with the id, so that pages neither repeat nor skip a row."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, Table

from headrace.server.store.schema import (
    artifact,
    artifact_collection,
    automation,
    deployment,
    flow,
    flow_run,
    log,
    task_run,
    variable,
)
from headrace.wire.artifacts import ArtifactCollectionSort, ArtifactSort
from headrace.wire.automations import AutomationSort
from headrace.wire.deployments import DeploymentSort
from headrace.wire.flow_runs import FlowRunSort
from headrace.wire.flows import FlowSort
from headrace.wire.logs import LogSort
from headrace.wire.task_runs import TaskRunSort
from headrace.wire.variables import VariableSort

Order = tuple[ColumnElement[Any], ...]

# Every run has it from its first state on. Said to PostgreSQL, for it would sort rather than read an
# index backwards: there its nulls come first.
_ALWAYS_THERE = frozenset({"expected_start_time"})


def _orders(table: Table, names: Mapping[str, str]) -> dict[str, Order]:
    """Orders by their wire names: `NAME_ASC` is the column `name`, ascending."""
    made: dict[str, Order] = {}
    for sort, column in names.items():
        down = sort.endswith("_DESC")
        key = table.c[column]
        first = key.desc() if down else key.asc()
        if column == "id":
            made[sort] = (first,)
        else:
            # Nulls come last either way, on both databases.
            first = first.nulls_last() if key.nullable and column not in _ALWAYS_THERE else first
            made[sort] = (first, table.c.id.desc() if down else table.c.id.asc())
    return made


def _column_of(sort: str) -> str:
    return sort.removesuffix("_DESC").removesuffix("_ASC").lower()


def _named(table: Table, sorts: type[StrEnum]) -> dict[str, Order]:
    return _orders(table, {str(sort): _column_of(str(sort)) for sort in sorts})


FLOWS = _named(flow, FlowSort)
FLOW_RUNS = _named(flow_run, FlowRunSort)
TASK_RUNS = _named(task_run, TaskRunSort)
DEPLOYMENTS = _named(deployment, DeploymentSort)
VARIABLES = _named(variable, VariableSort)
LOGS = _named(log, LogSort)
ARTIFACTS = _named(artifact, ArtifactSort)
ARTIFACT_COLLECTIONS = _named(artifact_collection, ArtifactCollectionSort)
# A collection is changed when its newest artifact is.
ARTIFACT_COLLECTIONS["UPDATED_DESC"] = (artifact.c.updated.desc(), artifact_collection.c.id.desc())
AUTOMATIONS = _named(automation, AutomationSort)
