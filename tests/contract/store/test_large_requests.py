"""A request that is too large for a database is told so, and is not the server's fault."""

from contextlib import suppress

import pytest
from sqlalchemy import or_, select

from headrace.errors import Unprocessable
from headrace.server.store.database import Database
from headrace.server.store.schema import flow


async def test_many_values_are_looked_for(database: Database) -> None:
    """Ten thousand at once."""
    names = [f"flow {at}" for at in range(10_000)]
    assert await database.fetch_all(select(flow.c.id).where(flow.c.name.in_(names))) == []


async def test_too_many_values_are_refused(database: Database) -> None:
    """Before the database, whose connection would end of it, is asked."""
    names = [f"flow {at}" for at in range(70_000)]
    with pytest.raises(Unprocessable):
        await database.fetch_all(select(flow.c.id).where(flow.c.name.in_(names)))
    assert await database.fetch_all(select(flow.c.id)) == []


async def test_a_statement_with_a_great_many_parts_is_answered_or_refused(
    database: Database,
) -> None:
    """SQLite takes a thousand alternatives, PostgreSQL more."""
    parts = [flow.c.name.like(f"{at}%") for at in range(5_000)]
    with suppress(Unprocessable):
        assert await database.fetch_all(select(flow.c.id).where(or_(*parts))) == []
    assert await database.fetch_all(select(flow.c.id)) == []
