"""Loads a large database straight through the server's own schema: tables, rows, then indexes."""

import asyncio
import itertools
import time
from datetime import UTC, datetime
from pathlib import Path

import apsw
import psycopg
from sqlalchemy.engine import Dialect

from bench.large.rows import Columns, Tuples, Year
from headrace.server.services.loops.log_indexing import LogIndexingLoop
from headrace.server.services.signals import Signals
from headrace.server.store import postgresql, sqlite
from headrace.server.store.migrate import APPLICATION_ID, birth_script, index_script, table_script
from headrace.server.store.open import open_database
from headrace.server.store.tally_triggers import filling_of_tallies

BATCH = 20_000  # rows of one transaction


def load(database: str, year: Year) -> None:
    """Make the tables in an empty database and fill them."""
    if database.startswith("postgresql"):
        _load_postgresql(database, year)
    else:
        _load_sqlite(Path(database), year)
    asyncio.run(index_logs(database))


async def index_logs(database: str) -> None:
    """Do now what the server's loop comes to within the first minutes."""
    begin = time.monotonic()
    opened = await open_database(database)
    loop = LogIndexingLoop(opened, Signals(), breath=0.0)
    while await loop.run_once(datetime.now(UTC)) is not None:
        pass
    await opened.close()
    _report("pieces of logs", 0, begin)


def _load_sqlite(path: Path, year: Year) -> None:
    connection = apsw.Connection(str(path))
    for pragma in ("journal_mode=OFF", "synchronous=OFF", "cache_size=-2000000"):
        connection.execute(f"PRAGMA {pragma}")
    connection.execute(f"PRAGMA application_id={APPLICATION_ID}")
    _run(connection.execute, table_script, sqlite.new_dialect())
    for table, columns, rows in year.tables():
        begin = time.monotonic()
        marks = ", ".join("?" * len(columns))
        sql = f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({marks})"
        count = 0
        while batch := list(itertools.islice(rows, BATCH)):
            connection.execute("BEGIN")
            connection.executemany(sql, batch)
            connection.execute("COMMIT")
            count += len(batch)
        _report(table, count, begin)
    begin = time.monotonic()
    connection.execute("PRAGMA threads=2")
    _run(connection.execute, filling_of_tallies, sqlite.new_dialect())
    _run(connection.execute, index_script, sqlite.new_dialect())
    for statement in birth_script():
        connection.execute(statement)
    connection.close()
    _report("indexes", 0, begin)


def _load_postgresql(url: str, year: Year) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("SET synchronous_commit = off")
        connection.execute("SET maintenance_work_mem = '1GB'")
        _run(lambda sql: connection.execute(sql.encode()), table_script, postgresql.new_dialect())
        for table, columns, rows in year.tables():
            begin = time.monotonic()
            count = _copy(connection, table, columns, rows)
            _report(table, count, begin)
        begin = time.monotonic()
        for script in (filling_of_tallies, index_script):
            _run(lambda sql: connection.execute(sql.encode()), script, postgresql.new_dialect())
        for statement in birth_script():
            connection.execute(statement.encode())
        connection.execute("VACUUM ANALYZE")  # what the server's own autovacuum comes to in time
        _report("indexes and statistics", 0, begin)


def _copy(connection: psycopg.Connection, table: str, columns: Columns, rows: Tuples) -> int:
    count = 0
    sql = f"COPY {table} ({', '.join(columns)}) FROM STDIN"
    with connection.cursor() as cursor, cursor.copy(sql.encode()) as copy:
        for row in rows:
            copy.write_row(row)
            count += 1
    return count


def _run(execute, script, dialect: Dialect) -> None:
    for statement in script(dialect):
        execute(statement)


def _report(what: str, rows: int, begin: float) -> None:
    print(f"   {what}: {rows:,} rows, {time.monotonic() - begin:.0f} s", flush=True)
