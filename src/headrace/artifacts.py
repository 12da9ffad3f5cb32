"""Artifacts: what a run leaves for people to look at: text, tables, links, images, progress."""

import json
import math
from collections.abc import Mapping
from typing import Any, ClassVar, cast
from uuid import UUID

from headrace.client import artifacts as requests
from headrace.context import FlowRunContext, TaskRunContext
from headrace.engine.api import api
from headrace.engine.commands import Lifecycle, Request
from headrace.engine.drivers import run_for_caller
from headrace.errors import ObjectNotFound
from headrace.wire.artifacts import Artifact as ArtifactResponse
from headrace.wire.artifacts import ArtifactCreate, ArtifactUpdate

Table = dict[str, list[Any]] | list[dict[str, Any]] | list[list[Any]]

__all__ = [
    "Artifact",
    "ArtifactResponse",
    "ImageArtifact",
    "LinkArtifact",
    "MarkdownArtifact",
    "ProgressArtifact",
    "TableArtifact",
    "create_image_artifact",
    "create_link_artifact",
    "create_markdown_artifact",
    "create_progress_artifact",
    "create_table_artifact",
    "update_progress_artifact",
]


class Artifact:
    """An artifact before it is made: its data is stored as JSON text.

    Each method that asks the server returns the answer, and in an async flow or task something to
    await.

    Args:
        key: Under which artifacts follow one another: lower-case letters, digits and dashes.
        type: How a page shows it.
        description: In Markdown.
        data: What JSON can hold.
        metadata_: Further text by name.
        flow_run_id: By default the flow run that runs here.
        task_run_id: By default the task run that runs here.
    """

    kind: ClassVar[str | None] = None
    """The type of each artifact of this class."""

    def __init__(
        self,
        *,
        key: str | None = None,
        type: str | None = None,  # noqa: A002 - the contract's name
        description: str | None = None,
        data: Any = None,
        metadata_: dict[str, str] | None = None,
        flow_run_id: UUID | None = None,
        task_run_id: UUID | None = None,
    ) -> None:
        self.key = key
        self.type = type or self.kind
        self.description = description
        self.data = data
        self.metadata_ = metadata_
        self.flow_run_id = flow_run_id
        self.task_run_id = task_run_id

    def format(self) -> Any:
        """What is stored as the artifact's data."""
        return json.dumps(_plain(self.data), default=str)

    def create(self) -> Any:
        """Make it on the server; the artifact as it was stored.

        Raises:
            ValidationFailed: The key has other characters.
        """
        return run_for_caller(_create(self))

    @classmethod
    def get(cls, key: str | None = None) -> Any:
        """The newest artifact of a key, or None where there is none."""
        return run_for_caller(_find(key))

    @classmethod
    def get_or_create(
        cls,
        key: str | None = None,
        description: str | None = None,
        data: Any = None,
        **fields: Any,
    ) -> Any:
        """The newest artifact of a key, made where there is none; and whether it was made.

        Args:
            key: Where to look.
            description: Of the one that is made.
            data: Of the one that is made, for a class that has no field of its own for it.
            fields: Further fields of the one that is made.
        """
        return run_for_caller(cls._get_or_create(key, description, data, fields))

    @classmethod
    def _get_or_create(
        cls, key: str | None, description: str | None, data: Any, fields: Mapping[str, Any]
    ) -> Lifecycle:
        found = yield from _find(key)
        if found is not None:
            return found, False
        given = dict(fields) if data is None else {"data": data, **fields}
        made = yield from _create(cls(key=key, description=description, **given))
        return made, True


def _create(artifact: Artifact) -> Lifecycle:
    task, flow = TaskRunContext.get(), FlowRunContext.get()
    if task is not None and task.task_run.parent is not None:
        flow = task.task_run.parent
    body = ArtifactCreate(
        key=artifact.key,
        type=artifact.type,
        description=artifact.description,
        data=artifact.format(),
        metadata_=artifact.metadata_,
        flow_run_id=artifact.flow_run_id or (UUID(flow.flow_run_id) if flow else None),
        task_run_id=artifact.task_run_id or (UUID(task.task_run.id_text) if task else None),
    )
    return (yield Request(requests.create_artifact, api(), body))


def _find(key: str | None) -> Lifecycle:
    if key is None:
        return None
    try:
        return (yield Request(requests.read_latest_artifact, api(), key))
    except ObjectNotFound:
        return None


class MarkdownArtifact(Artifact):
    """Text in Markdown, `markdown`."""

    kind = "markdown"

    def __init__(self, *, markdown: str, **fields: Any) -> None:
        super().__init__(**fields)
        self.markdown = markdown

    def format(self) -> str:
        """The text."""
        return self.markdown


class LinkArtifact(Artifact):
    """A link to `link`, shown as `link_text`."""

    kind = "markdown"

    def __init__(self, *, link: str, link_text: str | None = None, **fields: Any) -> None:
        super().__init__(**fields)
        self.link = link
        self.link_text = link_text

    def format(self) -> str:
        """The link in Markdown."""
        return f"[{self.link_text or self.link}]({self.link})"


class TableArtifact(Artifact):
    """A table: columns by name, or rows as mappings or lists."""

    kind = "table"

    def __init__(self, *, table: Table, **fields: Any) -> None:
        super().__init__(**fields)
        self.table = table

    def format(self) -> str:
        """The table as JSON text; what JSON has no form for is written as text, no number as null."""
        return json.dumps(_plain(self.table), default=str)


class ImageArtifact(Artifact):
    """An image that is shown from `image_url`."""

    kind = "image"

    def __init__(self, *, image_url: str, **fields: Any) -> None:
        super().__init__(**fields)
        self.image_url = image_url

    def format(self) -> str:
        """The address."""
        return self.image_url


class ProgressArtifact(Artifact):
    """How far something is: `progress` in percent, kept between 0 and 100."""

    kind = "progress"

    def __init__(self, *, progress: float, **fields: Any) -> None:
        super().__init__(**fields)
        self.progress = progress

    def format(self) -> float:
        """The percentage."""
        return _percentage(self.progress)


def create_markdown_artifact(
    markdown: str, key: str | None = None, description: str | None = None
) -> Any:
    """Leave text in Markdown; the artifact's id. In an async flow or task, something to await."""
    return _make(MarkdownArtifact(markdown=markdown, key=key, description=description))


def create_link_artifact(
    link: str, link_text: str | None = None, key: str | None = None, description: str | None = None
) -> Any:
    """Leave a link; the artifact's id. In an async flow or task, something to await."""
    artifact = LinkArtifact(link=link, link_text=link_text, key=key, description=description)
    return _make(artifact)


def create_table_artifact(
    table: Table, key: str | None = None, description: str | None = None
) -> Any:
    """Leave a table; the artifact's id. In an async flow or task, something to await."""
    return _make(TableArtifact(table=table, key=key, description=description))


def create_image_artifact(
    image_url: str, key: str | None = None, description: str | None = None
) -> Any:
    """Leave an image by its address; the artifact's id. In an async flow, something to await."""
    return _make(ImageArtifact(image_url=image_url, key=key, description=description))


def create_progress_artifact(
    progress: float, key: str | None = None, description: str | None = None
) -> Any:
    """Leave a bar that shows progress in percent; the artifact's id, by which it is moved on.

    In an async flow or task, something to await.
    """
    return _make(ProgressArtifact(progress=progress, key=key, description=description))


def update_progress_artifact(
    artifact_id: UUID, progress: float, description: str | None = None
) -> Any:
    """Move a bar to another percentage; the artifact's id. In an async flow, something to await.

    Raises:
        ObjectNotFound: There is no such artifact.
    """
    body = ArtifactUpdate(data=_percentage(progress))
    if description is not None:
        body.description = description
    return run_for_caller(_update(UUID(str(artifact_id)), body))


def _update(artifact_id: UUID, body: ArtifactUpdate) -> Lifecycle:
    yield Request(requests.update_artifact, api(), artifact_id, body)
    return artifact_id


def _make(artifact: Artifact) -> Any:
    return run_for_caller(_made(artifact))


def _made(artifact: Artifact) -> Lifecycle:
    made: ArtifactResponse = yield from _create(artifact)
    return made.id


def _percentage(progress: float) -> float:
    return min(100.0, max(0.0, float(progress)))


def _plain(value: Any) -> Any:
    """A value without NaN and infinity, which JSON has no form for."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        items = cast("Mapping[Any, Any]", value).items()
        return {str(key): _plain(item) for key, item in items}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in cast("list[Any]", value)]
    return value
