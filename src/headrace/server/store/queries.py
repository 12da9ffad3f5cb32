"""Lists and counts: the same query for every noun."""

from typing import Any

from sqlalchemy import Select, Table, func, select

from headrace.server.store.database import Database, Row
from headrace.server.store.filters.conditions import Conditions
from headrace.server.store.filters.sorts import Order
from headrace.server.store.shapes import RowShape


def list_query(
    shape: RowShape, conditions: Conditions, order: Order, *, limit: int, offset: int = 0
) -> Select[Any]:
    """The rows that meet the conditions, in order."""
    query = shape.select.where(*conditions).order_by(*order).limit(limit)
    return query.offset(offset) if offset else query


async def count_rows(database: Database, table: Table, conditions: Conditions) -> int:
    """How many rows of a table meet the conditions."""
    query = select(func.count()).select_from(table).where(*conditions)
    return int((await database.fetch_all(query))[0][0])


async def list_ids(
    database: Database, table: Table, conditions: Conditions, limit: int
) -> list[str]:
    """The ids of at most `limit` rows that meet the conditions."""
    rows = await database.fetch_all(select(table.c.id).where(*conditions).limit(limit))
    return [row[0] for row in rows]


async def read_page(
    database: Database,
    shape: RowShape,
    table: Table,
    conditions: Conditions,
    order: Order,
    *,
    limit: int,
    page: int,
) -> tuple[list[Row], int]:
    """The rows of one page, counted from 1, and how many rows there are on all pages."""
    count = await count_rows(database, table, conditions)
    offset = (page - 1) * limit
    if offset >= count:
        return [], count
    query = list_query(shape, conditions, order, limit=limit, offset=offset)
    return await database.fetch_all(query), count
