"""HTTP of artifacts."""

from headrace.server.api.lists import choose_limit
from headrace.server.api.operations import Call, Operations
from headrace.server.services import artifacts
from headrace.server.store.artifacts import COLLECTION_SHAPE, SHAPE
from headrace.server.store.filters.artifacts import ArtifactFilters
from headrace.wire.artifacts import (
    Artifact,
    ArtifactCollection,
    ArtifactCreate,
    ArtifactUpdate,
    CountArtifactsBody,
    CountLatestArtifactsBody,
    ReadArtifactsBody,
    ReadLatestArtifactsBody,
)
from headrace.wire.decode import encode

operations = Operations("artifacts")


@operations.post("/artifacts/", ArtifactCreate, returns=Artifact, status=201)
async def create_artifact(call: Call[ArtifactCreate]) -> bytes:
    """Make an artifact."""
    return SHAPE.encode(
        await artifacts.create_artifact(call.services.database, call.services.signals, call.body)
    )


@operations.get("/artifacts/{id:uuid}", returns=Artifact)
async def read_artifact(call: Call[None]) -> bytes:
    """Read an artifact."""
    return SHAPE.encode(await artifacts.read_artifact(call.services.database, call.path["id"]))


@operations.get("/artifacts/{key}/latest", returns=Artifact)
async def read_latest_artifact(call: Call[None]) -> bytes:
    """Read the newest artifact of a key."""
    return SHAPE.encode(await artifacts.read_newest(call.services.database, call.path["key"]))


@operations.post("/artifacts/filter", ReadArtifactsBody, returns=list[Artifact])
async def read_artifacts(call: Call[ReadArtifactsBody]) -> bytes:
    """List artifacts."""
    body = call.body
    rows = await artifacts.list_artifacts(
        call.services.database,
        ArtifactFilters.of(body.artifacts, body),
        body.sort,
        limit=choose_limit(call.services.config, body.limit),
        offset=body.offset,
    )
    return SHAPE.encode_list(rows)


@operations.post("/artifacts/count", CountArtifactsBody, returns=int)
async def count_artifacts(call: Call[CountArtifactsBody]) -> bytes:
    """Count artifacts."""
    filters = ArtifactFilters.of(call.body.artifacts, call.body)
    return encode(await artifacts.count_artifacts(call.services.database, filters))


@operations.post(
    "/artifacts/latest/filter", ReadLatestArtifactsBody, returns=list[ArtifactCollection]
)
async def read_latest_artifacts(call: Call[ReadLatestArtifactsBody]) -> bytes:
    """List the newest artifact of each key."""
    body = call.body
    rows = await artifacts.list_newest(
        call.services.database,
        ArtifactFilters.of(body.artifacts, body),
        body.sort,
        limit=choose_limit(call.services.config, body.limit),
        offset=body.offset,
    )
    return COLLECTION_SHAPE.encode_list(rows)


@operations.post("/artifacts/latest/count", CountLatestArtifactsBody, returns=int)
async def count_latest_artifacts(call: Call[CountLatestArtifactsBody]) -> bytes:
    """Count the keys whose newest artifact is meant."""
    filters = ArtifactFilters.of(call.body.artifacts, call.body)
    return encode(await artifacts.count_newest(call.services.database, filters))


@operations.patch("/artifacts/{id:uuid}", ArtifactUpdate)
async def update_artifact(call: Call[ArtifactUpdate]) -> None:
    """Change an artifact."""
    await artifacts.update_artifact(call.services.database, call.path["id"], call.body)


@operations.delete("/artifacts/{id:uuid}")
async def delete_artifact(call: Call[None]) -> None:
    """Delete an artifact."""
    await artifacts.delete_artifact(call.services.database, call.services.signals, call.path["id"])
