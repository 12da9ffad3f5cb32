"""Artifacts made from Python."""

import asyncio
import json
from uuid import UUID

import pytest

from headrace import flow, task
from headrace.artifacts import (
    Artifact,
    ArtifactResponse,
    MarkdownArtifact,
    create_image_artifact,
    create_link_artifact,
    create_markdown_artifact,
    create_progress_artifact,
    create_table_artifact,
    update_progress_artifact,
)
from headrace.errors import ObjectNotFound, ValidationFailed

NOBODY = UUID(int=0)


def stored(api, artifact_id: UUID) -> dict[str, object]:
    return api.server.get(f"/artifacts/{artifact_id}").json


def test_each_kind_is_stored_in_its_form(api):
    """Markdown, links, tables, images, progress: as pages of the contract read them."""

    def look(artifact_id: UUID) -> tuple[object, object]:
        found = stored(api, artifact_id)
        return found["type"], found["data"]

    assert look(create_markdown_artifact("# hi", key="m")) == ("markdown", "# hi")
    assert look(create_link_artifact("http://x", "text")) == ("markdown", "[text](http://x)")
    assert look(create_link_artifact("http://x")) == ("markdown", "[http://x](http://x)")
    assert look(create_image_artifact("http://x/i.png")) == ("image", "http://x/i.png")
    kind, data = look(create_table_artifact([{"a": float("nan"), "b": NOBODY}]))
    assert (kind, json.loads(str(data))) == ("table", [{"a": None, "b": str(NOBODY)}])
    assert look(create_progress_artifact(140)) == ("progress", 100)


def test_progress_moves(api):
    """The description stays where none is given; an unknown bar is an error."""
    bar = create_progress_artifact(1, key="bar", description="rows")
    assert update_progress_artifact(bar, 55.5) == bar
    found = stored(api, bar)
    assert (found["data"], found["description"]) == (55.5, "rows")
    update_progress_artifact(bar, -3, description="done")
    found = stored(api, bar)
    assert (found["data"], found["description"]) == (0, "done")
    with pytest.raises(ObjectNotFound):
        update_progress_artifact(NOBODY, 1)


def test_artifacts_belong_to_the_run_that_makes_them(api):
    """Of a task both ids are noted, of a flow its own, elsewhere none."""

    @task
    def leave() -> UUID:
        return create_markdown_artifact("by a task")

    @flow
    def run() -> tuple[UUID, UUID]:
        return leave(), create_markdown_artifact("by a flow")

    by_task, by_flow = run()
    run_id, [task_run] = api.only_run()["id"], api.task_runs()
    found = stored(api, by_task)
    assert (found["flow_run_id"], found["task_run_id"]) == (run_id, task_run["id"])
    found = stored(api, by_flow)
    assert (found["flow_run_id"], found["task_run_id"]) == (run_id, None)
    assert stored(api, create_markdown_artifact("by nobody"))["flow_run_id"] is None


def test_async_code_awaits(api):
    """In async flows, tasks and programs; a sync flow below an event loop does not."""

    @task
    async def leave() -> UUID:
        return await create_markdown_artifact("by a task")

    @flow
    async def run() -> list[UUID]:
        return [await leave(), await create_markdown_artifact("by a flow")]

    @flow
    def blocking() -> UUID:
        return create_markdown_artifact("by a sync flow")

    async def program() -> list[UUID]:
        made = await create_markdown_artifact("by a program", key="k")
        newest = await Artifact.get("k")
        assert newest.data == "by a program"
        return [*await run(), made, blocking()]

    texts = [stored(api, made)["data"] for made in asyncio.run(program())]
    assert texts == ["by a task", "by a flow", "by a program", "by a sync flow"]


def test_artifacts_are_found_by_key(api):
    """The newest of a key, or a new one; a key of other characters is refused."""
    assert Artifact.get("k") is None
    assert Artifact.get() is None
    made, is_new = MarkdownArtifact.get_or_create("k", markdown="one", description="d")
    assert is_new
    assert isinstance(made, ArtifactResponse)
    assert (made.data, made.description, made.type) == ("one", "d", "markdown")
    found, is_new = Artifact.get_or_create("k", data="two")
    assert (found.data, is_new) == ("one", False)
    plain = Artifact(key="plain", data={"a": 1}, type="custom", metadata_={"m": "n"}).create()
    assert (plain.type, plain.data, plain.metadata_) == ("custom", '{"a": 1}', {"m": "n"})
    with pytest.raises(ValidationFailed, match="lower-case"):
        create_markdown_artifact("x", key="Bad Key")
