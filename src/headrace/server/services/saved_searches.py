"""Saved searches: filters that people keep under a name."""

from contextlib import suppress

from headrace.core.ids import new_id
from headrace.core.times import now_text
from headrace.errors import ObjectNotFound, StaleWrite, UniqueViolation
from headrace.server.store import saved_searches as store
from headrace.server.store.database import Database, Row, Write
from headrace.wire.decode import encode
from headrace.wire.saved_searches import SavedSearchCreate

_MISSING = "Saved search not found"


async def save_search(database: Database, body: SavedSearchCreate) -> tuple[Row, bool]:
    """Keep the filters under the name, in place of those that were there; and whether none were."""
    now = now_text()
    filters = encode(body.filters).decode()
    row = {"id": new_id(), "created": now, "updated": now, "name": body.name, "filters": filters}
    with suppress(UniqueViolation):
        await database.apply([Write(store.INSERT, row)])
        return store.SHAPE.row(row), True
    params = {"search_name": body.name, "new_filters": filters, "now": now}
    await database.apply([Write(store.REPLACE, params)])
    found = await database.fetch_one(store.BY_NAME, {"search_name": body.name})
    if found is None:  # deleted by another caller at this moment
        raise ObjectNotFound(_MISSING)
    return found, False


async def read_search(database: Database, search_id: str) -> Row:
    """One saved search. Raises `ObjectNotFound`."""
    row = await database.fetch_one(store.BY_ID, {"search_id": search_id})
    if row is None:
        raise ObjectNotFound(_MISSING)
    return row


async def list_searches(database: Database, *, limit: int, offset: int) -> list[Row]:
    """Saved searches by name."""
    return await database.fetch_all(store.PAGE, {"most": limit, "skipped": offset})


async def delete_search(database: Database, search_id: str) -> None:
    """Delete a saved search. Raises `ObjectNotFound`."""
    try:
        await database.apply([Write(store.DELETE, {"search_id": search_id}, expect=1)])
    except StaleWrite as error:
        raise ObjectNotFound(_MISSING) from error
