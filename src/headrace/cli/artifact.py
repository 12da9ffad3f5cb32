"""`headrace artifact …`."""

from typing import Any
from uuid import UUID

import click

from headrace.cli.groups import Group
from headrace.cli.output import OutputFormat, ago, done, output_option, show, show_list
from headrace.cli.session import confirm, connect
from headrace.client import Client, artifacts
from headrace.client.pages import read_pages
from headrace.errors import ObjectNotFound
from headrace.wire.artifacts import (
    Artifact,
    ArtifactCollection,
    ArtifactFilter,
    ArtifactFilterKey,
    ArtifactSort,
    ReadArtifactsBody,
    ReadLatestArtifactsBody,
)


@click.group(cls=Group)
def artifact() -> None:
    """Look at what runs left behind for people."""


@artifact.command(name="ls")
@click.option("--limit", type=click.IntRange(min=1), default=100, help="How many at most.")
@click.option("--all", "-a", "every", is_flag=True, help="All versions, not only the latest.")
@output_option
def list_(limit: int, *, every: bool, output: OutputFormat) -> None:
    """List artifacts, the latest of each key."""
    client = connect()
    found: list[Artifact] | list[ArtifactCollection]
    if every:
        found = read_pages(lambda size, at: _versions(client, size, at, None), limit)
    else:
        found = read_pages(
            lambda size, at: artifacts.list_latest_artifacts(
                client, ReadLatestArtifactsBody(limit=size, offset=at)
            ),
            limit,
        )
    rows = [[a.key, a.type, ago(a.updated), _latest_id(a)] for a in found]
    empty = "There are no artifacts. Flows and tasks make them: headrace.artifacts"
    show_list(["key", "type", "updated", "id"], rows, output, whole=found, empty=empty)


@artifact.command()
@click.argument("key")
@click.option("--limit", type=click.IntRange(min=1), default=10, help="How many versions at most.")
@output_option
def inspect(key: str, limit: int, output: OutputFormat) -> None:
    """Show the versions of an artifact, the newest first."""
    client = connect()
    found = read_pages(lambda size, at: _versions(client, size, at, key), limit)
    if not found:
        message = f"there is no artifact of the key {key!r}"
        raise ObjectNotFound(message)
    if output is OutputFormat.JSON:
        show_list([], [], output, whole=found, empty="")
        return
    for number, each in enumerate(found):
        if number:
            click.echo()
        show(_fields(each), output)


@artifact.command()
@click.argument("key", required=False)
@click.option("--id", "artifact_id", type=click.UUID, help="One version, instead of all of a key.")
@click.option("--yes", "-y", is_flag=True, help="Do not ask.")
def delete(key: str | None, artifact_id: UUID | None, *, yes: bool) -> None:
    """Delete one version of an artifact, or all of a key."""
    if (key is None) == (artifact_id is None):
        message = "give the artifact's key, or one version by --id"
        raise click.UsageError(message)
    client = connect()
    if artifact_id is not None:
        artifacts.read_artifact(client, artifact_id)
        confirm(f"Delete the artifact {artifact_id}?", is_agreed=yes)
        artifacts.delete_artifact(client, artifact_id)
        done(f"artifact {artifact_id} deleted")
        return
    found = read_pages(lambda size, at: _versions(client, size, at, key))
    if not found:
        message = f"there is no artifact of the key {key!r}"
        raise ObjectNotFound(message)
    confirm(f"Delete the artifact {key} with its {len(found)} version(s)?", is_agreed=yes)
    for each in found:
        if isinstance(each.id, UUID):
            artifacts.delete_artifact(client, each.id)
    done(f"artifact {key} deleted, {len(found)} version(s)")


def _versions(client: Client, size: int, at: int, key: str | None) -> list[Artifact]:
    body = ReadArtifactsBody(limit=size, offset=at, sort=ArtifactSort.CREATED_DESC)
    if key is not None:
        body.artifacts = ArtifactFilter(key=ArtifactFilterKey(any_=[key]))
    return artifacts.list_artifacts(client, body)


def _latest_id(found: Artifact | ArtifactCollection) -> Any:
    return found.latest_id if isinstance(found, ArtifactCollection) else found.id


def _fields(found: Artifact) -> dict[str, Any]:
    return {
        "key": found.key,
        "type": found.type,
        "description": found.description,
        "data": found.data,
        "flow run": found.flow_run_id,
        "task run": found.task_run_id,
        "updated": found.updated,
        "id": found.id,
    }
