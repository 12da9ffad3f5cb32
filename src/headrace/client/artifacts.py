"""Artifacts: what runs leave for people to look at."""

from __future__ import annotations

from uuid import UUID

from headrace.client.http import Client
from headrace.client.requests import segment
from headrace.wire.artifacts import (
    Artifact,
    ArtifactCollection,
    ArtifactCreate,
    ArtifactUpdate,
    CountArtifactsBody,
    ReadArtifactsBody,
    ReadLatestArtifactsBody,
)


def create_artifact(client: Client, body: ArtifactCreate) -> Artifact:
    """A new artifact."""
    return client.call("POST", "/artifacts/", body, answer=Artifact)


def read_artifact(client: Client, artifact_id: UUID) -> Artifact:
    """An artifact by id."""
    return client.call("GET", f"/artifacts/{artifact_id}", answer=Artifact)


def read_latest_artifact(client: Client, key: str) -> Artifact:
    """The newest artifact of a key, under the id of all that have the key."""
    return client.call("GET", f"/artifacts/{segment(key)}/latest", answer=Artifact)


def list_artifacts(client: Client, body: ReadArtifactsBody) -> list[Artifact]:
    """Artifacts that pass the filter."""
    return client.call("POST", "/artifacts/filter", body, answer=list[Artifact], is_idempotent=True)


def list_latest_artifacts(
    client: Client, body: ReadLatestArtifactsBody
) -> list[ArtifactCollection]:
    """The newest artifact of each key that passes the filter."""
    return client.call(
        "POST",
        "/artifacts/latest/filter",
        body,
        answer=list[ArtifactCollection],
        is_idempotent=True,
    )


def count_artifacts(client: Client, body: CountArtifactsBody) -> int:
    """How many artifacts pass the filter."""
    return client.call("POST", "/artifacts/count", body, answer=int, is_idempotent=True)


def update_artifact(client: Client, artifact_id: UUID, body: ArtifactUpdate) -> None:
    """Change an artifact; fields left UNSET stay."""
    client.call("PATCH", f"/artifacts/{artifact_id}", body)


def delete_artifact(client: Client, artifact_id: UUID) -> None:
    """Remove an artifact."""
    client.call("DELETE", f"/artifacts/{artifact_id}")
