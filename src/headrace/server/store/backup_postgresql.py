"""Rows of a PostgreSQL database to and from an SQLite file of the same schema."""

import tempfile
from collections.abc import Callable, Generator, Iterator
from contextlib import closing, contextmanager
from itertools import islice
from pathlib import Path
from typing import Any, Literal

import psycopg
from psycopg import sql
from sqlalchemy import Table

from headrace.errors import DatabaseInUse, DatabaseNotOurs
from headrace.server.store.backup import Progress, ignore_progress, prepare_copy
from headrace.server.store.migrate import (
    APPLICATION_ID,
    find_revision,
    index_script,
    known_revisions,
    table_script,
)
from headrace.server.store.migrate_postgresql import prepare_postgresql
from headrace.server.store.postgresql import new_dialect
from headrace.server.store.postgresql_errors import lost, translate
from headrace.server.store.postgresql_session import SERVER_LOCK
from headrace.server.store.postgresql_values import adapt
from headrace.server.store.schema import event, metadata
from headrace.server.store.sqlite import new_dialect as new_sqlite_dialect
from headrace.server.store.sqlite_file import Connection, open_file
from headrace.server.store.tally_triggers import TALLIED

_ROWS = 5000
"""Rows taken at a time: a few MiB, and a report of progress after each."""


def dump_rows(url: str, target: Path, progress: Progress) -> None:
    """Write all our rows, as of one moment, to a new SQLite file.

    Raises `DatabaseNotOurs`, `DatabaseUnavailable`.
    """
    with connected(url) as source, closing(open_file(target)) as writing:
        source.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        source.read_only = True
        with source.transaction():
            _require_present(source)
            _create(writing, table_script(new_sqlite_dialect()))
            counted = _Counter(progress, sum(_count(source, t) for t in metadata.sorted_tables))
            for table in metadata.sorted_tables:
                _dump_table(source, writing, table, counted.add)
        _create(writing, index_script(new_sqlite_dialect()))
        writing.execute(f"PRAGMA application_id={APPLICATION_ID}")


def load_rows(url: str, source: Path, progress: Progress) -> None:
    """Replace all our rows by those of an SQLite file, in one transaction.

    Raises `DatabaseInUse`, `DatabaseNotOurs`, `DatabaseUnavailable`.
    """
    with (
        tempfile.TemporaryDirectory(prefix="headrace-restore-") as folder,
        connected(url) as target,
    ):
        copy = Path(folder) / "backup.db"
        prepare_copy(source, copy, ignore_progress)
        prepare_postgresql(url, new_dialect())
        with target.transaction(), closing(open_file(copy)) as reading:
            require_alone(target)
            names = sql.SQL(", ").join(sql.Identifier(t.name) for t in metadata.sorted_tables)
            target.execute(sql.SQL("TRUNCATE {}").format(names))
            total = sum(_count_rows(reading, table) for table in metadata.sorted_tables)
            counted = _Counter(progress, total)
            _switch_tallying(target, "DISABLE")  # the tallies come with the other rows
            for table in metadata.sorted_tables:
                _load_table(reading, target, table, counted.add)
            _switch_tallying(target, "ENABLE")


class _Counter:
    def __init__(self, progress: Progress, total: int) -> None:
        self._progress = progress
        self._total = total
        self._done = 0

    def add(self, rows: int) -> None:
        self._done += rows
        self._progress(self._done, self._total)


@contextmanager
def connected(url: str) -> "Generator[psycopg.Connection[Any]]":
    """A connection in the store's forms; its errors are the store's."""
    try:
        with psycopg.connect(url) as connection:
            adapt(connection)
            connection.execute("SET timezone = 'UTC'")
            connection.commit()
            yield connection
    except psycopg.OperationalError as error:
        raise lost(error) from error
    except psycopg.Error as error:
        raise translate(error.sqlstate or "XX000", str(error).strip()) from error


def _require_present(source: "psycopg.Connection[Any]") -> None:
    try:
        revision = find_revision(lambda text: source.execute(text.encode()))
    except psycopg.errors.UndefinedTable:
        revision = None
    if revision != known_revisions()[-1]:
        message = (
            f"database {source.info.dbname} has schema version {revision}, and this Headrace "
            f"{known_revisions()[-1]}; start the server once to upgrade it, then back it up"
        )
        raise DatabaseNotOurs(message)


def require_alone(target: "psycopg.Connection[Any]") -> None:
    """Keep servers out until the end of the transaction."""
    got = target.execute("SELECT pg_try_advisory_xact_lock(%s)", (SERVER_LOCK,)).fetchone()
    if got != (True,):
        message = f"a server has database {target.info.dbname} open; end it first"
        raise DatabaseInUse(message)


def _create(writing: Connection, script: Iterator[str]) -> None:
    with writing:
        for statement in script:
            writing.execute(statement)


def _columns(table: Table) -> sql.Composed:
    return sql.SQL(", ").join(sql.Identifier(column.name) for column in table.columns)


def _count(source: "psycopg.Connection[Any]", table: Table) -> int:
    query = sql.SQL("SELECT count(*) FROM {}").format(sql.Identifier(table.name))
    row = source.execute(query).fetchone()
    return int(row[0]) if row is not None else 0


def _count_rows(reading: Connection, table: Table) -> int:
    [(count,)] = reading.execute(f'SELECT count(*) FROM "{table.name}"').fetchall()  # noqa: S608  # our own table
    return int(count)


def _dump_table(
    source: "psycopg.Connection[Any]",
    writing: Connection,
    table: Table,
    report: Callable[[int], None],
) -> None:
    query = sql.SQL("SELECT {} FROM {}").format(_columns(table), sql.Identifier(table.name))
    names = ", ".join(f'"{column.name}"' for column in table.columns)
    places = ", ".join("?" for _ in table.columns)
    insert = f'INSERT INTO "{table.name}" ({names}) VALUES ({places})'  # noqa: S608  # our own columns
    with source.cursor("backup") as cursor:
        cursor.execute(query)
        while rows := cursor.fetchmany(_ROWS):
            with writing:
                writing.executemany(insert, rows)
            report(len(rows))


def _load_table(
    reading: Connection,
    target: "psycopg.Connection[Any]",
    table: Table,
    report: Callable[[int], None],
) -> None:
    names = ", ".join(f'"{column.name}"' for column in table.columns)
    rows = iter(reading.execute(f'SELECT {names} FROM "{table.name}"'))  # noqa: S608  # our own columns
    command = sql.SQL("COPY {} ({}) FROM STDIN").format(sql.Identifier(table.name), _columns(table))
    with target.cursor().copy(command) as copy:
        while batch := list(islice(rows, _ROWS)):
            for row in batch:
                copy.write_row(row)
            report(len(batch))
    if table.name == event.name:
        _renumber_events(target)


def _switch_tallying(target: "psycopg.Connection[Any]", how: Literal["DISABLE", "ENABLE"]) -> None:
    for table in TALLIED:
        target.execute(f"ALTER TABLE {table} {how} TRIGGER USER".encode())


def _renumber_events(target: "psycopg.Connection[Any]") -> None:
    """Number events from 1, in their order: below every number that this database will draw.

    A number that another database drew may lie above them for years, and readers would wait for it.
    """
    target.execute(
        "UPDATE event SET seq = -ordered.place FROM "
        "(SELECT seq, row_number() OVER (ORDER BY seq) AS place FROM event) AS ordered "
        "WHERE event.seq = ordered.seq"
    )
    target.execute("UPDATE event SET seq = -seq")
