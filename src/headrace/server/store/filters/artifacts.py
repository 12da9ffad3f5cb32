"""Filters of artifacts, and of their collections: a collection is seen as its newest artifact."""

from dataclasses import dataclass

from sqlalchemy import exists

from headrace.server.store.filters.conditions import (
    Conditions,
    be_null,
    be_one_of,
    combine_attributes,
    contain_text,
    equal_any,
    together,
)
from headrace.server.store.filters.joined import Filters, where_flow_runs, where_task_runs
from headrace.server.store.schema import artifact, artifact_collection, flow_run, task_run
from headrace.wire.artifacts import (
    ArtifactCollectionFilter,
    ArtifactCollectionFilterKey,
    ArtifactFilter,
    ArtifactFilterKey,
)


@dataclass(frozen=True, slots=True)
class ArtifactFilters:
    """The filters of one request. `others` are those of flows, runs and deployments."""

    artifacts: ArtifactFilter | ArtifactCollectionFilter | None
    others: Filters

    @classmethod
    def of(
        cls, artifacts: ArtifactFilter | ArtifactCollectionFilter | object, body: object
    ) -> "ArtifactFilters":
        """Those that a body has and that are set."""
        given = (
            artifacts if isinstance(artifacts, ArtifactFilter | ArtifactCollectionFilter) else None
        )
        return cls(given, Filters.of(body))


def where_artifacts(filters: ArtifactFilters) -> Conditions:
    """Which artifacts are meant; of a filter on collections, which newest ones."""
    parts: Conditions = []
    if filters.artifacts is not None:
        parts += _filter_artifacts(filters.artifacts)
    others = filters.others
    if others.task_runs is not None:
        wanted = where_task_runs(Filters(task_runs=others.task_runs))
        parts.append(exists().where(task_run.c.id == artifact.c.task_run_id, *wanted))
    of_run = Filters(flows=others.flows, flow_runs=others.flow_runs, deployments=others.deployments)
    if of_run != Filters():
        wanted = where_flow_runs(of_run)
        parts.append(exists().where(flow_run.c.id == artifact.c.flow_run_id, *wanted))
    return parts


def _filter_artifacts(given: ArtifactFilter | ArtifactCollectionFilter) -> Conditions:
    parts: Conditions = []
    if isinstance(given, ArtifactFilter):
        if given.id is not None:
            parts += equal_any(artifact.c.id, given.id.any_)
    elif given.latest_id is not None:
        parts += equal_any(artifact_collection.c.latest_id, given.latest_id.any_)
    if given.key is not None:
        parts += _key(given.key)
    if given.flow_run_id is not None:
        parts += equal_any(artifact.c.flow_run_id, given.flow_run_id.any_)
    if given.task_run_id is not None:
        parts += equal_any(artifact.c.task_run_id, given.task_run_id.any_)
    if given.type is not None:
        parts += be_one_of(artifact.c.type, given.type)
    return combine_attributes(given, parts)


def _key(given: ArtifactFilterKey | ArtifactCollectionFilterKey) -> Conditions:
    return together(
        equal_any(artifact.c.key, given.any_),
        contain_text(artifact.c.key, given.like_),
        be_null(artifact.c.key, None if given.exists_ is None else not given.exists_),
    )
