"""HTTP of saved searches."""

from headrace.server.api.lists import choose_limit
from headrace.server.api.operations import Answer, Call, Operations
from headrace.server.services import saved_searches
from headrace.server.store.saved_searches import SHAPE
from headrace.wire.saved_searches import ReadSavedSearchesBody, SavedSearch, SavedSearchCreate

operations = Operations("saved searches")


@operations.put("/saved_searches/", SavedSearchCreate, returns=SavedSearch, also=(201,))
async def save_search(call: Call[SavedSearchCreate]) -> Answer:
    """Keep a search under its name. 201 where there was none of the name."""
    row, is_new = await saved_searches.save_search(call.services.database, call.body)
    return Answer(201 if is_new else 200, SHAPE.encode(row))


@operations.get("/saved_searches/{id:uuid}", returns=SavedSearch)
async def read_saved_search(call: Call[None]) -> bytes:
    """Read a saved search."""
    return SHAPE.encode(await saved_searches.read_search(call.services.database, call.path["id"]))


@operations.post("/saved_searches/filter", ReadSavedSearchesBody, returns=list[SavedSearch])
async def read_saved_searches(call: Call[ReadSavedSearchesBody]) -> bytes:
    """List saved searches."""
    limit = choose_limit(call.services.config, call.body.limit)
    rows = await saved_searches.list_searches(
        call.services.database, limit=limit, offset=call.body.offset
    )
    return SHAPE.encode_list(rows)


@operations.delete("/saved_searches/{id:uuid}")
async def delete_saved_search(call: Call[None]) -> None:
    """Delete a saved search."""
    await saved_searches.delete_search(call.services.database, call.path["id"])
