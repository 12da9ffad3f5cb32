"""Artifacts: what runs leave for people to look at."""

import re
from typing import Any

from msgspec import UNSET
from sqlalchemy import Select

from headrace.core.ids import new_id
from headrace.core.times import now_text
from headrace.errors import ObjectNotFound, StaleWrite, ValidationFailed
from headrace.server.services.signals import Signals
from headrace.server.store import artifacts as store
from headrace.server.store.database import Database, Row, Transaction, Write
from headrace.server.store.filters.artifacts import ArtifactFilters, where_artifacts
from headrace.server.store.filters.sorts import ARTIFACT_COLLECTIONS, ARTIFACTS
from headrace.server.store.queries import count_query, list_query
from headrace.server.store.result_artifacts import INSERT
from headrace.server.store.schema import artifact
from headrace.server.store.shaped import ShapedQuery
from headrace.wire.artifacts import (
    ArtifactCollectionSort,
    ArtifactCreate,
    ArtifactSort,
    ArtifactUpdate,
)
from headrace.wire.decode import encode
from headrace.wire.faults import make_fault

# How often a change starts over when another caller changes the same artifact meanwhile.
_ATTEMPTS = 5

_KEY = re.compile(r"[a-z0-9-]*")


async def create_artifact(database: Database, signals: Signals, body: ArtifactCreate) -> Row:
    """Make an artifact; with a key it becomes the newest of that key. Raises `ValidationFailed`."""
    if body.key is not None and not _KEY.fullmatch(body.key):
        message = "An artifact's key has only lower-case letters, digits and dashes"
        raise ValidationFailed([make_fault("value_error", ("body", "key"), message, body.key)])
    now = now_text()
    row = {
        "id": new_id(),
        "created": now,
        "updated": now,
        "key": body.key,
        "type": body.type,
        "description": body.description,
        "data": _to_json(body.data),
        "metadata_": _to_json(body.metadata_),
        "flow_run_id": None if body.flow_run_id is None else str(body.flow_run_id),
        "task_run_id": None if body.task_run_id is None else str(body.task_run_id),
    }
    if body.key is None:
        await database.apply([Write(INSERT, row)])
    else:
        await database.transact(lambda tx: store.create_under_key(tx, row))
        signals.publish("events")
    return store.SHAPE.row(row)


async def read_artifact(database: Database, artifact_id: str) -> Row:
    """One artifact. Raises `ObjectNotFound`."""
    row = await database.fetch_one(store.BY_ID, {"artifact_id": artifact_id})
    if row is None:
        raise _not_found(artifact_id)
    return row


async def read_newest(database: Database, key: str) -> Row:
    """The newest artifact of a key, with the id of their collection. Raises `ObjectNotFound`."""
    row = await database.fetch_one(store.NEWEST_OF_KEY, {"key": key})
    if row is None:
        raise _not_found(key)
    return row


@ShapedQuery
def _listed(filters: ArtifactFilters, sort: ArtifactSort, limit: int, offset: int) -> Select[Any]:
    conditions = where_artifacts(filters)
    return list_query(store.SHAPE, conditions, ARTIFACTS[sort], limit=limit, offset=offset)


@ShapedQuery
def _number(filters: ArtifactFilters) -> Select[Any]:
    return count_query(artifact, where_artifacts(filters))


@ShapedQuery
def _listed_newest(
    filters: ArtifactFilters, sort: ArtifactCollectionSort, limit: int, offset: int
) -> Select[Any]:
    order = ARTIFACT_COLLECTIONS[sort]
    conditions = where_artifacts(filters)
    query = list_query(store.COLLECTION_SHAPE, conditions, order, limit=limit, offset=offset)
    return query.select_from(store.NEWEST)


@ShapedQuery
def _number_newest(filters: ArtifactFilters) -> Select[Any]:
    return store.COUNT_COLLECTIONS.where(*where_artifacts(filters))


async def list_artifacts(
    database: Database, filters: ArtifactFilters, sort: ArtifactSort, *, limit: int, offset: int
) -> list[Row]:
    """Artifacts that meet the filters."""
    return await database.fetch_all(*_listed.of(filters, sort, limit, offset))


async def count_artifacts(database: Database, filters: ArtifactFilters) -> int:
    """How many artifacts meet the filters."""
    [row] = await database.fetch_all(*_number.of(filters))
    return row[0]


async def list_newest(
    database: Database,
    filters: ArtifactFilters,
    sort: ArtifactCollectionSort,
    *,
    limit: int,
    offset: int,
) -> list[Row]:
    """The newest artifact of each key, where that one meets the filters."""
    return await database.fetch_all(*_listed_newest.of(filters, sort, limit, offset))


async def count_newest(database: Database, filters: ArtifactFilters) -> int:
    """Of how many keys the newest artifact meets the filters."""
    [row] = await database.fetch_all(*_number_newest.of(filters))
    return row[0]


async def update_artifact(database: Database, artifact_id: str, body: ArtifactUpdate) -> None:
    """Change what the body names. Raises `ObjectNotFound`."""
    for attempt in range(_ATTEMPTS):
        row = await read_artifact(database, artifact_id)
        old = dict(zip(store.SHAPE.positions, row, strict=True))
        metadata = body.metadata_
        params = {
            "artifact_id": artifact_id,
            "was_updated": old["updated"],
            "new_data": old["data"] if body.data is UNSET else _to_json(body.data),
            "new_description": (
                old["description"] if body.description is UNSET else body.description
            ),
            "new_metadata": old["metadata_"] if metadata is UNSET else _to_json(metadata),
            "now": now_text(),
        }
        try:
            await database.apply(store.replace(params))
        except StaleWrite:
            if attempt == _ATTEMPTS - 1:
                raise
        else:
            return


async def delete_artifact(database: Database, signals: Signals, artifact_id: str) -> None:
    """Delete an artifact. Raises `ObjectNotFound`."""

    def work(tx: Transaction) -> bool:
        return store.remove(tx, artifact_id)

    if not await database.transact(work):
        raise _not_found(artifact_id)
    signals.publish("events")


def _to_json(value: object) -> str | None:
    return None if value is None else encode(value).decode()


def _not_found(key: str) -> ObjectNotFound:
    return ObjectNotFound(f"Artifact {key!r} not found.")
