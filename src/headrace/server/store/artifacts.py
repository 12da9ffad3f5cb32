"""SQL of artifacts and of the collections that artifacts of one key make."""

from typing import Final

from sqlalchemy import and_, bindparam, delete, func, or_, select, update
from sqlalchemy.dialects.postgresql import insert as insert_or_update

from headrace.core.ids import new_id
from headrace.server.store import object_events as events
from headrace.server.store.database import Params, Statement, Transaction, Write
from headrace.server.store.result_artifacts import INSERT
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
_COLLECTION: Final = Statement(
    select(artifact_collection.c.id, artifact_collection.c.latest_id).where(
        artifact_collection.c.key == bindparam("key")
    )
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


def create_under_key(tx: Transaction, values: Params) -> None:
    """Make an artifact that has a key: it is the newest of that key then."""
    tx.execute(INSERT, values)
    collection = {
        "id": new_id(),
        "created": values["created"],
        "updated": values["updated"],
        "key": values["key"],
        "latest_id": values["id"],
    }
    tx.execute(_COLLECT, collection)
    found = tx.fetch_one(_COLLECTION, {"key": values["key"]})
    collection_id = collection["id"] if found is None else found[0]
    what = events.CREATED if collection_id == collection["id"] else events.UPDATED
    told = events.of_collection(what, collection_id, values, values["created"])
    tx.execute(events.INSERT_EVENT, told)


def replace(params: Params) -> list[Write]:
    """The unit that changes what can change, where nobody else has since it was read."""
    return [Write(_REPLACE, params, expect=1)]


def remove(tx: Transaction, artifact_id: str) -> bool:
    """Delete an artifact; the one before it is then the newest of its key. Whether there was one."""
    row = tx.fetch_one(BY_ID, {"artifact_id": artifact_id})
    if row is None:
        return False
    gone = SHAPE.named(row)
    before = None if gone["key"] is None else tx.fetch_one(_COLLECTION, {"key": gone["key"]})
    tx.execute(_DELETE, {"artifact_id": artifact_id})
    tx.execute(_FIND_NEWEST, {})
    if before is not None and before[1] == artifact_id:
        [_, latest_id] = tx.fetch_one(_COLLECTION, {"key": gone["key"]}) or before
        newest = tx.fetch_one(BY_ID, {"artifact_id": latest_id})
        told = (
            events.of_collection(events.DELETED, before[0], gone, tx.now())
            if newest is None
            else events.of_collection(events.UPDATED, before[0], SHAPE.named(newest), tx.now())
        )
        tx.execute(events.INSERT_EVENT, told)
    tx.execute(_DELETE_EMPTY, {})
    return True
