"""What SQLite's store does when the disk, the lock or the process fails."""

import asyncio
import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from uuid import uuid4

import apsw
import pytest
from sqlalchemy import bindparam, func, insert, select, text

from headrace.core.times import now_text
from headrace.errors import (
    DatabaseFull,
    DatabaseInUse,
    DatabaseReadOnly,
    DatabaseUnavailable,
    ForeignKeyViolation,
    TooBusy,
)
from headrace.server.store import sqlite_writer
from headrace.server.store.database import Database, Statement, Transaction, Write
from headrace.server.store.open import open_database
from headrace.server.store.ownership import address_path, find_owner, lock_path, own, read_address
from headrace.server.store.schema import flow, flow_run

INSERT_FLOW = Statement(insert(flow))
INSERT_RUN = Statement(insert(flow_run))
COUNT_FLOWS = Statement(select(func.count()).select_from(flow))
GET_FLOW = Statement(select(flow.c.id).where(flow.c.id == bindparam("id")))

WRITER = """
import asyncio, sys
from uuid import uuid4
from sqlalchemy import insert
from headrace.server.store.database import Statement, Write
from headrace.server.store.open import open_database
from headrace.server.store.schema import flow
from headrace.core.times import now_text

INSERT = Statement(insert(flow))

async def write(database):
    while True:
        key, now = str(uuid4()), now_text()
        await database.apply(
            [Write(INSERT, {"id": key, "created": now, "updated": now, "name": key})]
        )
        sys.stdout.write(key + "\\n")
        sys.stdout.flush()

async def main():
    database = await open_database(sys.argv[1])
    database.announce("http://127.0.0.1:4711/api")
    await asyncio.gather(*(write(database) for _ in range(8)))

asyncio.run(main())
"""


def new_flow(size: int = 0) -> dict[str, object]:
    key = str(uuid4())
    now = now_text()
    return {"id": key, "created": now, "updated": now, "name": key, "labels": "x" * size}


def path_of(url: str) -> Path:
    return Path(url.removeprefix("sqlite:///"))


def pragma(database: Database, text: str) -> None:
    database._writer._connection.execute(f"PRAGMA {text}")


async def test_a_full_disk_refuses_only_what_does_not_fit(sqlite_database: Database) -> None:
    """Of a group that loses its transaction each unit is tried alone: what fits is kept."""
    await sqlite_database.apply([Write(INSERT_FLOW, new_flow())])
    (pages,) = sqlite_database._writer._connection.execute("PRAGMA page_count").fetchone()
    pragma(sqlite_database, f"max_page_count={pages + 8}")
    sizes = [100, 200_000, 100, 100, 300_000, 100]
    rows = [new_flow(size) for size in sizes]
    outcomes = await asyncio.gather(
        *(sqlite_database.apply([Write(INSERT_FLOW, row)]) for row in rows), return_exceptions=True
    )
    assert [isinstance(outcome, DatabaseFull) for outcome in outcomes] == [
        size > 1000 for size in sizes
    ]
    for row, size in zip(rows, sizes, strict=True):
        found = await sqlite_database.fetch_one(GET_FLOW, {"id": row["id"]})
        assert (found is not None) == (size < 1000)

    pragma(sqlite_database, "max_page_count=1000000")
    await sqlite_database.apply([Write(INSERT_FLOW, rows[1])])  # space again: all is well


async def test_a_commit_that_fails_is_repeated_unit_by_unit(sqlite_database: Database) -> None:
    """When COMMIT itself refuses a group, the guilty unit alone is refused."""

    def orphan(transaction: Transaction) -> None:
        # references are looked at by COMMIT only
        transaction.execute(text("PRAGMA defer_foreign_keys=ON"))
        now = now_text()
        row = {"id": str(uuid4()), "created": now, "updated": now, "name": "r",
               "flow_id": str(uuid4())}  # fmt: skip
        transaction.execute(INSERT_RUN, row)

    outcomes = await asyncio.gather(
        *(sqlite_database.apply([Write(INSERT_FLOW, new_flow())]) for _ in range(5)),
        sqlite_database.transact(orphan),
        *(sqlite_database.apply([Write(INSERT_FLOW, new_flow())]) for _ in range(5)),
        return_exceptions=True,
    )
    assert [type(outcome) for outcome in outcomes if outcome] == [ForeignKeyViolation]
    assert isinstance(outcomes[5], ForeignKeyViolation)
    assert await sqlite_database.fetch_one(COUNT_FLOWS) == (10,)


async def test_a_database_that_can_only_be_read(sqlite_database: Database) -> None:
    """Writes are refused by name, reads go on."""
    await sqlite_database.apply([Write(INSERT_FLOW, new_flow())])
    pragma(sqlite_database, "query_only=ON")
    with pytest.raises(DatabaseReadOnly):
        await sqlite_database.apply([Write(INSERT_FLOW, new_flow())])
    assert await sqlite_database.fetch_one(COUNT_FLOWS) == (1,)


async def test_closing_finishes_the_queue(sqlite_url: str) -> None:
    """What was handed over before `close` is committed; what comes after is refused."""
    database = await open_database(sqlite_url)
    writes = [
        asyncio.ensure_future(database.apply([Write(INSERT_FLOW, new_flow())])) for _ in range(500)
    ]
    await asyncio.sleep(0)
    await database.close()
    await asyncio.gather(*writes)
    with pytest.raises(DatabaseUnavailable):
        await database.apply([Write(INSERT_FLOW, new_flow())])
    database = await open_database(sqlite_url)
    assert await database.fetch_one(COUNT_FLOWS) == (500,)
    await database.close()


async def test_the_queue_has_a_bound(
    sqlite_database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Beyond the bound a write is refused at once, and the others are not harmed."""
    monkeypatch.setattr(sqlite_writer, "MAX_WAITING", 10)
    outcomes = await asyncio.gather(
        *(sqlite_database.apply([Write(INSERT_FLOW, new_flow())]) for _ in range(15)),
        return_exceptions=True,
    )
    assert [isinstance(outcome, TooBusy) for outcome in outcomes] == [False] * 10 + [True] * 5
    assert await sqlite_database.fetch_one(COUNT_FLOWS) == (10,)


async def test_another_programs_lock_is_waited_for(
    sqlite_database: Database, sqlite_url: str
) -> None:
    """Someone who writes to the file by hand delays our writes and does not break them."""
    intruder = apsw.Connection(str(path_of(sqlite_url)))
    intruder.execute("BEGIN IMMEDIATE")
    write = asyncio.ensure_future(sqlite_database.apply([Write(INSERT_FLOW, new_flow())]))
    done, _ = await asyncio.wait([write], timeout=0.05)
    assert not done
    assert await sqlite_database.fetch_one(COUNT_FLOWS) == (0,)  # the loop is not blocked
    intruder.execute("ROLLBACK")
    await write
    intruder.close()


async def test_a_second_server_learns_where_the_first_is(sqlite_url: str) -> None:
    """The refusal names the owner's address, and the note is gone when the owner is."""
    first = await open_database(sqlite_url)
    with pytest.raises(DatabaseInUse, match="is starting"):
        await open_database(sqlite_url)
    first.announce("http://127.0.0.1:4200/api")
    with pytest.raises(DatabaseInUse) as refusal:
        await open_database(sqlite_url)
    assert refusal.value.address == "http://127.0.0.1:4200/api"
    assert "\n" not in str(refusal.value)
    owner = find_owner(path_of(sqlite_url))
    assert owner is not None
    assert owner.pid == os.getpid()
    await first.close()
    assert not address_path(path_of(sqlite_url)).exists()
    second = await open_database(sqlite_url)
    await second.close()


def test_the_lock_is_the_truth_and_not_the_note(tmp_path: Path) -> None:
    """A note without a lock is of a dead owner; a broken note does not hide a living one."""
    database = tmp_path / "a.db"
    note = {"url": "http://gone", "pid": 1, "started": now_text(), "version": "0"}
    address_path(database).write_text(json.dumps(note))
    assert read_address(database) is not None
    assert find_owner(database) is None
    ownership = own(database)
    address_path(database).write_text("{not json")
    with pytest.raises(DatabaseInUse):
        own(database)
    ownership.release()
    own(database).release()
    assert lock_path(database).exists()


@pytest.mark.kill
def test_kill_9_loses_nothing_that_was_acknowledged(sqlite_url: str) -> None:
    """After kill -9 every acknowledged row is there, and the next server opens without asking."""
    process = subprocess.Popen(
        [sys.executable, "-c", WRITER, sqlite_url], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    acknowledged = [process.stdout.readline().strip() for _ in range(300)]
    process.send_signal(signal.SIGKILL)
    acknowledged += [line.strip() for line in process.stdout if line.endswith("\n")]
    process.wait()
    process.stdout.close()
    note = read_address(path_of(sqlite_url))
    assert note is not None
    assert note.pid == process.pid
    assert find_owner(path_of(sqlite_url)) is None

    async def count() -> int:
        database = await open_database(sqlite_url)
        found = [await database.fetch_one(GET_FLOW, {"id": key}) for key in acknowledged]
        await database.close()
        return sum(row is not None for row in found)

    assert asyncio.run(count()) == len(acknowledged) >= 300
