"""Lists and counts: the same query for every noun."""

from typing import Any

from sqlalchemy import Select, Table, func, select

from headrace.server.store.database import Database
from headrace.server.store.filters.conditions import Conditions
from headrace.server.store.filters.sorts import Order
from headrace.server.store.shapes import RowShape


def list_query(
    shape: RowShape, conditions: Conditions, order: Order, *, limit: int, offset: int = 0
) -> Select[Any]:
    """The rows that meet the conditions, in order."""
    return shape.select.where(*conditions).order_by(*order).limit(limit).offset(offset)


def count_query(table: Table, conditions: Conditions) -> Select[Any]:
    """How many rows of a table meet the conditions."""
    return select(func.count()).select_from(table).where(*conditions)


async def count_rows(database: Database, table: Table, conditions: Conditions) -> int:
    """How many rows of a table meet the conditions, counted at once."""
    return int((await database.fetch_all(count_query(table, conditions)))[0][0])


async def list_ids(
    database: Database, table: Table, conditions: Conditions, limit: int
) -> list[str]:
    """The ids of at most `limit` rows that meet the conditions."""
    rows = await database.fetch_all(select(table.c.id).where(*conditions).limit(limit))
    return [row[0] for row in rows]
