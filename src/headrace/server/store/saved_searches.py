"""SQL of saved searches."""

from typing import Final

from sqlalchemy import bindparam, delete, insert, update

from headrace.server.store.database import Statement
from headrace.server.store.schema import saved_search
from headrace.server.store.shapes import RowShape
from headrace.wire.saved_searches import SavedSearch

SHAPE: Final = RowShape(SavedSearch, saved_search.c)

INSERT: Final = Statement(insert(saved_search))
BY_ID: Final = Statement(SHAPE.select.where(saved_search.c.id == bindparam("search_id")))
BY_NAME: Final = Statement(SHAPE.select.where(saved_search.c.name == bindparam("search_name")))
REPLACE: Final = Statement(
    update(saved_search)
    .where(saved_search.c.name == bindparam("search_name"))
    .values(filters=bindparam("new_filters"), updated=bindparam("now"))
)
DELETE: Final = Statement(delete(saved_search).where(saved_search.c.id == bindparam("search_id")))
PAGE: Final = Statement(
    SHAPE.select.order_by(saved_search.c.name, saved_search.c.id)
    .limit(bindparam("most"))
    .offset(bindparam("skipped"))
)
