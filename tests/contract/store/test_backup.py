"""Backup and restore: the same on every database, and from one kind to the other."""

import asyncio
import sqlite3
from pathlib import Path
from uuid import uuid4

import pytest
from sqlalchemy import func, insert, select

from headrace.core.times import now_text
from headrace.errors import DatabaseInUse, HeadraceError
from headrace.server.store.backup import back_up, restore
from headrace.server.store.database import Database, Statement, Write
from headrace.server.store.events import NEWEST
from headrace.server.store.migrate import VERSION_TABLE
from headrace.server.store.open import open_database
from headrace.server.store.schema import event, flow, installation, work_pool

INSERT_FLOW = Statement(insert(flow))
INSERT_POOL = Statement(insert(work_pool))
INSERT_EVENT = Statement(insert(event))
COUNT_FLOWS = Statement(select(func.count()).select_from(flow))


def new_flow() -> dict[str, object]:
    key = str(uuid4())
    now = now_text()
    return {"id": key, "created": now, "updated": now, "name": f"flow {key} \\ \t \n é"}


def new_event() -> dict[str, object]:
    now = now_text()
    return {
        "id": str(uuid4()), "occurred": now, "received": now, "event": "e", "resource_id": "r",
        "resource": "{}", "related": "[]", "payload": "{}",
    }  # fmt: skip


async def fill(database: Database) -> None:
    now = now_text()
    pool = {"id": str(uuid4()), "created": now, "updated": now, "name": "p", "type": "process",
            "is_paused": True}  # fmt: skip
    await database.apply(
        [
            Write(INSERT_FLOW, [new_flow() for _ in range(100)]),
            Write(INSERT_POOL, pool),
            Write(INSERT_EVENT, [new_event() for _ in range(20)]),
        ]
    )


async def rows_of(database: Database) -> list[object]:
    return [
        # a restore may number events anew, in the same order
        sorted(
            await database.fetch_all(select(*(c for c in table.c if c is not event.c.seq))), key=str
        )
        for table in (flow, work_pool, event, installation)
    ]


@pytest.fixture(params=["sqlite", "postgresql"])
def other_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A second place to restore to."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'deeper' / 'restored.db'}"
    return request.getfixturevalue("postgresql_url")


async def test_a_backup_restores_into_either_kind(
    sqlite_url: str, postgresql_server, other_url: str, tmp_path: Path
) -> None:  # type: ignore[no-untyped-def]
    """What one database held is what the other holds after the restore, row by row."""
    fresh = postgresql_server.create()
    for url in (sqlite_url, fresh):
        database = await open_database(url)
        await fill(database)
        expected = await rows_of(database)
        reports: list[tuple[int, ...]] = []
        copy = tmp_path / "copy.db"
        await asyncio.to_thread(back_up, url, copy, lambda *report, to=reports: to.append(report))
        await database.close()
        assert reports[-1][0] == reports[-1][1] > 0

        await asyncio.to_thread(restore, other_url, copy)
        restored = await open_database(other_url)
        assert await rows_of(restored) == expected
        added = new_event()
        await restored.apply([Write(INSERT_EVENT, added)])  # numbering goes on
        in_order = await restored.fetch_all(select(event.c.id).order_by(event.c.seq))
        assert len(in_order) == 21
        assert in_order[-1] == (added["id"],)
        assert await restored.fetch_one(NEWEST) == await restored.fetch_one(
            select(func.max(event.c.seq))
        )  # and readers reach its end
        await restored.close()
    postgresql_server.drop(fresh)


async def test_a_backup_is_of_one_moment(
    database: Database, database_url: str, tmp_path: Path
) -> None:
    """Units that commit during a backup are in it whole or not at all, and none waits for it."""
    stop = asyncio.Event()

    async def write() -> int:
        written = 0
        while not stop.is_set():
            row = new_flow()
            await database.apply(
                [Write(INSERT_FLOW, row), Write(INSERT_EVENT, {**new_event(), "id": row["id"]})]
            )
            written += 1
        return written

    writer = asyncio.create_task(write())
    for number in range(3):
        copy = tmp_path / f"copy{number}.db"
        await asyncio.to_thread(back_up, database_url, copy)
        with sqlite3.connect(copy) as connection:
            flows = connection.execute("SELECT id FROM flow ORDER BY id").fetchall()
            events = connection.execute("SELECT id FROM event ORDER BY id").fetchall()
        connection.close()
        assert flows == events
    stop.set()
    assert await writer > 0


async def test_a_database_in_use_is_not_restored_over(
    database: Database, database_url: str, tmp_path: Path
) -> None:
    """Restoring refuses while a server has the database open, and changes nothing."""
    await fill(database)
    copy = tmp_path / "copy.db"
    await asyncio.to_thread(back_up, database_url, copy)
    await database.apply([Write(INSERT_FLOW, new_flow())])
    with pytest.raises(DatabaseInUse):
        await asyncio.to_thread(restore, database_url, copy)
    assert await database.fetch_one(COUNT_FLOWS) == (101,)


async def test_what_was_in_the_database_is_gone_after_a_restore(
    database_url: str, tmp_path: Path
) -> None:
    """The restored database is the backup, not a mixture."""
    database = await open_database(database_url)
    await fill(database)
    copy = tmp_path / "copy.db"
    await asyncio.to_thread(back_up, database_url, copy)
    await database.apply([Write(INSERT_FLOW, [new_flow() for _ in range(500)])])
    await database.close()
    await asyncio.to_thread(restore, database_url, copy)
    database = await open_database(database_url)
    assert await database.fetch_one(COUNT_FLOWS) == (100,)
    await database.close()


async def test_what_is_no_backup_is_not_restored(database_url: str, tmp_path: Path) -> None:
    """A missing file, another program's, a damaged one and a newer one leave the database as it is."""
    database = await open_database(database_url)
    await fill(database)
    good = tmp_path / "good.db"
    await asyncio.to_thread(back_up, database_url, good)
    await database.close()

    other = tmp_path / "other.db"
    with sqlite3.connect(other) as connection:
        connection.execute("CREATE TABLE t (a)")
    connection.close()
    damaged = tmp_path / "damaged.db"
    content = bytearray(good.read_bytes())
    content[8192:60000] = b"\x5a" * (60000 - 8192)
    damaged.write_bytes(content)
    newer = tmp_path / "newer.db"
    newer.write_bytes(good.read_bytes())
    with sqlite3.connect(newer) as connection:
        connection.execute(f"UPDATE {VERSION_TABLE} SET version_num = '9999'")
    connection.close()

    for bad in (tmp_path / "missing.db", other, damaged, newer):
        with pytest.raises(HeadraceError):
            await asyncio.to_thread(restore, database_url, bad)
    database = await open_database(database_url)
    assert await database.fetch_one(COUNT_FLOWS) == (100,)
    await database.close()
    assert await asyncio.to_thread(lambda: list(tmp_path.glob("*.new"))) == []
