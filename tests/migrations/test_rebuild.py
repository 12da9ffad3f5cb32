"""Looking after a database: back along the chain, and empty again, on either kind."""

import asyncio
from pathlib import Path

import pytest
from sqlalchemy import func, insert, select

from headrace.core.times import now_text
from headrace.errors import DatabaseInUse, DatabaseNotOurs, ObjectNotFound
from headrace.server.store import rebuild
from headrace.server.store.database import Database, Statement, Write
from headrace.server.store.migrate import known_revisions
from headrace.server.store.open import open_database
from headrace.server.store.schema import flow

REVISIONS = known_revisions()
KEY = "00000000-0000-0000-0000-000000000001"
COUNT = Statement(select(func.count()).select_from(flow))


def prepare(url: str) -> None:
    async def run() -> None:
        await (await open_database(url)).close()

    asyncio.run(run())


def test_back_one_step_to_the_first_and_up_again(database_url: str) -> None:
    """A step at a time by default; nothing beyond the first; opening it upgrades it again."""
    prepare(database_url)
    assert rebuild.plan_downgrade(database_url) == [REVISIONS[-1]]
    assert rebuild.downgrade(database_url) == REVISIONS[-2]
    assert rebuild.plan_downgrade(database_url, REVISIONS[0]) == REVISIONS[1:-1][::-1]
    assert rebuild.downgrade(database_url, REVISIONS[0]) == REVISIONS[0]
    for revision in (None, REVISIONS[-1], "nonsense"):
        with pytest.raises(ObjectNotFound):
            rebuild.downgrade(database_url, revision)
    prepare(database_url)
    assert rebuild.plan_downgrade(database_url) == [REVISIONS[-1]]


async def test_a_database_that_is_open_is_left_alone(database: Database, database_url: str) -> None:
    """Neither command touches what a server has open."""
    for command in (rebuild.reset, rebuild.downgrade):
        with pytest.raises(DatabaseInUse):
            await asyncio.to_thread(command, database_url)
    assert await database.fetch_one(COUNT) == (0,)


def test_reset_leaves_nothing(database_url: str) -> None:
    """The tables of this version, empty."""

    async def fill() -> None:
        database = await open_database(database_url)
        now = now_text()
        row = {"id": KEY, "created": now, "updated": now, "name": "f"}
        await database.apply([Write(Statement(insert(flow)), row)])
        await database.close()

    async def count() -> object:
        database = await open_database(database_url)
        found = await database.fetch_one(COUNT)
        await database.close()
        return found

    asyncio.run(fill())
    rebuild.reset(database_url)
    assert asyncio.run(count()) == (0,)


def test_reset_makes_a_database_and_leaves_another_programs_file(tmp_path: Path) -> None:
    """Where there is none it makes one; a file that is not ours is not touched."""
    fresh = tmp_path / "new" / "h.db"
    rebuild.reset(str(fresh))
    assert rebuild.plan_downgrade(str(fresh)) == [REVISIONS[-1]]
    foreign = tmp_path / "notes.txt"
    foreign.write_text("not a database" * 100)
    for command in (rebuild.reset, rebuild.downgrade, rebuild.plan_downgrade):
        with pytest.raises(DatabaseNotOurs):
            command(str(foreign))
    assert foreign.read_text() == "not a database" * 100
