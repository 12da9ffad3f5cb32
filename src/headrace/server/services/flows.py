"""Flows: what their operations mean."""

from contextlib import suppress

from headrace.core.ids import new_id
from headrace.errors import ObjectNotFound, StaleWrite, UniqueViolation
from headrace.server.store import flows as store
from headrace.server.store.database import Database, Row, Write
from headrace.server.store.times import now_text
from headrace.wire.decode import encode
from headrace.wire.flows import FlowCreate, FlowUpdate


async def create_flow(database: Database, body: FlowCreate) -> tuple[Row, bool]:
    """The flow of this name, made when there is none; and whether it was made."""
    found = await database.fetch_one(store.BY_NAME, {"flow_name": body.name})
    if found is not None:
        return found, False
    now = now_text()
    row = {
        "id": new_id(),
        "created": now,
        "updated": now,
        "name": body.name,
        "tags": encode(body.tags).decode(),
        "labels": encode(body.labels or {}).decode(),
    }
    # Another caller may have made it since: then that one is the flow of this name.
    with suppress(UniqueViolation):
        await database.apply([Write(store.INSERT, row)])
        return store.SHAPE.row(row), True
    return await read_flow_by_name(database, body.name), False


async def read_flow(database: Database, flow_id: str) -> Row:
    """One flow. Raises `ObjectNotFound`."""
    row = await database.fetch_one(store.BY_ID, {"flow_id": flow_id})
    if row is None:
        raise ObjectNotFound("Flow not found")
    return row


async def read_flow_by_name(database: Database, name: str) -> Row:
    """One flow. Raises `ObjectNotFound`."""
    row = await database.fetch_one(store.BY_NAME, {"flow_name": name})
    if row is None:
        raise ObjectNotFound("Flow not found")
    return row


async def update_flow(database: Database, flow_id: str, body: FlowUpdate) -> None:
    """Change what the body names. Raises `ObjectNotFound`."""
    params = {"flow_id": flow_id, "now": now_text()}
    write = Write(store.TOUCH, params, expect=1)
    if isinstance(body.tags, list):
        write = Write(store.SET_TAGS, {**params, "new_tags": encode(body.tags).decode()}, expect=1)
    await _apply_to_one(database, write)


async def delete_flow(database: Database, flow_id: str) -> None:
    """Delete a flow and what belongs to it. Raises `ObjectNotFound`."""
    await _apply_to_one(database, Write(store.DELETE, {"flow_id": flow_id}, expect=1))


async def _apply_to_one(database: Database, write: Write) -> None:
    try:
        await database.apply([write])
    except StaleWrite as error:
        raise ObjectNotFound("Flow not found") from error
