"""SQL of artifacts and of the collections that artifacts of one key make."""

from typing import Final

from sqlalchemy import and_, bindparam, delete, func, insert, or_, select, update
from sqlalchemy.dialects.postgresql import insert as insert_or_update

from headrace.core.ids import new_id
from headrace.server.store.database import Params, Statement, Write
from headrace.server.store.schema import artifact, artifact_collection, task_run
from headrace.server.store.shapes import RowShape
from headrace.wire.artifacts import Artifact, ArtifactCollection

SLICE: Final = 500
"""Rows of one transaction."""

SHAPE: Final = RowShape(Artifact, artifact.c)

NEWEST: Final = artifact_collection.join(artifact, artifact.c.id == artifact_collection.c.latest_id)
"""Each collection with its newest artifact."""

_OF_COLLECTION: Final = {
    name: artifact_collection.c[name] for name in ("id", "created", "key", "latest_id")
}
COLLECTION_SHAPE: Final = RowShape(ArtifactCollection, artifact.c, selected=_OF_COLLECTION)
_NEWEST_SHAPE: Final = RowShape(Artifact, artifact.c, selected=_OF_COLLECTION)

BY_ID: Final = Statement(SHAPE.select.where(artifact.c.id == bindparam("artifact_id")))
NEWEST_OF_KEY: Final = Statement(
    _NEWEST_SHAPE.select.select_from(NEWEST).where(artifact_collection.c.key == bindparam("key"))
)
"""The newest artifact of a key under the id of their collection, as the contract has it."""

_INSERT: Final = Statement(insert(artifact))

# Both databases read this form of an upsert, though SQLAlchemy makes it for one of them only.
_collect = insert_or_update(artifact_collection)
_COLLECT: Final = Statement(
    _collect.on_conflict_do_update(
        index_elements=["key"],
        set_={"latest_id": _collect.excluded.latest_id, "updated": _collect.excluded.updated},
    )
)

_REPLACE: Final = Statement(
    update(artifact)
    .where(
        artifact.c.id == bindparam("artifact_id"), artifact.c.updated == bindparam("was_updated")
    )
    .values(
        data=bindparam("new_data"),
        description=bindparam("new_description"),
        metadata_=bindparam("new_metadata"),
        updated=bindparam("now"),
    )
)

_DELETE: Final = Statement(delete(artifact).where(artifact.c.id == bindparam("artifact_id")))
_others = artifact.alias("others")
_FIND_NEWEST: Final = Statement(
    update(artifact_collection)
    .where(artifact_collection.c.latest_id.is_(None))
    .values(
        latest_id=select(_others.c.id)
        .where(_others.c.key == artifact_collection.c.key)
        .order_by(_others.c.created.desc(), _others.c.id.desc())
        .limit(1)
        .scalar_subquery()
    )
)
_DELETE_EMPTY: Final = Statement(
    delete(artifact_collection).where(artifact_collection.c.latest_id.is_(None))
)

_is_newest = artifact.c.id.in_(
    select(artifact_collection.c.latest_id).where(artifact_collection.c.latest_id.is_not(None))
)
_of_run = or_(
    artifact.c.flow_run_id == bindparam("run_id"),
    artifact.c.task_run_id.in_(
        select(task_run.c.id).where(task_run.c.flow_run_id == bindparam("run_id"))
    ),
)
DELETE_SOME_OF_FLOW_RUN: Final = Statement(
    delete(artifact).where(
        artifact.c.id.in_(select(artifact.c.id).where(and_(_of_run, ~_is_newest)).limit(SLICE))
    )
)
"""Artifacts of a flow run and its task runs. The newest of a key stays: a report outlives its run."""

DELETE_OF_TASK_RUN: Final = Statement(
    delete(artifact).where(artifact.c.task_run_id == bindparam("run_id"), ~_is_newest)
)

COUNT_COLLECTIONS: Final = select(func.count()).select_from(NEWEST)


def create(values: Params) -> list[Write]:
    """The unit that makes an artifact and, where it has a key, puts it at the head of that key."""
    writes = [Write(_INSERT, values)]
    if values["key"] is not None:
        collection = {
            "id": new_id(),
            "created": values["created"],
            "updated": values["updated"],
            "key": values["key"],
            "latest_id": values["id"],
        }
        writes.append(Write(_COLLECT, collection))
    return writes


def replace(params: Params) -> list[Write]:
    """The unit that changes what can change, where nobody else has since it was read."""
    return [Write(_REPLACE, params, expect=1)]


def remove(artifact_id: str) -> list[Write]:
    """The unit that deletes an artifact; the one before it is then the newest of its key."""
    return [
        Write(_DELETE, {"artifact_id": artifact_id}, expect=1),
        Write(_FIND_NEWEST, {}),
        Write(_DELETE_EMPTY, {}),
    ]
