"""Bringing a database to this version's schema, or refusing one that is not ours.

The usual cases take no Alembic: a fresh database is created from `schema.metadata` in one go, and one
that is up to date is recognised by its version row. Only an older one is upgraded, by
`migrations/runner.py`. A database of another program or of a newer version is refused untouched.
"""

import os
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any
from uuid import uuid4

import apsw
from sqlalchemy.engine import Dialect
from sqlalchemy.schema import CreateIndex, CreateSequence, CreateTable

from headrace import __version__
from headrace._bindings import load
from headrace.core.times import now_text
from headrace.errors import DatabaseNotOurs, DatabaseReadOnly
from headrace.server.store.disk import written
from headrace.server.store.schema import metadata
from headrace.server.store.sqlite_errors import translate
from headrace.server.store.sqlite_file import open_file, open_to_read
from headrace.server.store.tally_triggers import creation_of_triggers
from headrace.server.store.text_indexes import creation_of_text_indexes

APPLICATION_ID = 0x48445243
"""`HDRC` in the file header of our SQLite databases, where `file(1)` and others look."""

VERSION_TABLE = "schema_version"
PROGRAM = "headrace"

_HEADER_BYTES = 100
_MAGIC = b"SQLite format 3\x00"
_ID_AT = slice(68, 72)  # bytes of the header that hold the application id


def known_revisions() -> list[str]:
    """Our revisions, oldest first: the leading numbers of the files in `migrations/versions`."""
    folder = Path(__file__).with_name("migrations") / "versions"
    return sorted(path.name.partition("_")[0] for path in folder.glob("[0-9]*_*.py"))


def table_script(dialect: Dialect) -> Iterator[str]:
    """The statements that make the tables of this version, empty."""
    if dialect.supports_sequences:
        for sequence in metadata._sequences.values():  # noqa: SLF001 # pyright: ignore[reportPrivateUsage] # no public name
            yield str(CreateSequence(sequence).compile(dialect=dialect))
    for table in metadata.sorted_tables:
        yield str(CreateTable(table).compile(dialect=dialect))
    yield (
        f"CREATE TABLE {VERSION_TABLE} (version_num VARCHAR(32) NOT NULL, "
        f"CONSTRAINT {VERSION_TABLE}_pkc PRIMARY KEY (version_num))"
    )
    yield f"INSERT INTO {VERSION_TABLE} VALUES ('{known_revisions()[-1]}')"  # noqa: S608  # our own names


def index_script(dialect: Dialect) -> Iterator[str]:
    """The statements that make their indexes, and the triggers that keep tallies of their rows."""
    for table in metadata.sorted_tables:
        for index in sorted(table.indexes, key=lambda index: str(index.name)):
            yield str(CreateIndex(index).compile(dialect=dialect))
    yield from creation_of_triggers(dialect)
    yield from creation_of_text_indexes(dialect)


def birth_script() -> Iterator[str]:
    """The statements that say what this database is."""
    for key, value in (
        ("program", PROGRAM),
        ("id", str(uuid4())),
        ("created", now_text()),
        ("created_by", __version__),
    ):
        yield f"INSERT INTO installation (key, value) VALUES ('{key}', '{value}')"  # noqa: S608  # our own words


def creation_script(dialect: Dialect) -> Iterator[str]:
    """The statements that make a fresh database of this version."""
    yield from table_script(dialect)
    yield from index_script(dialect)
    yield from birth_script()


def check_sqlite_file(path: Path) -> bool:
    """Whether there is a database at `path` yet. Only its header is read.

    Raises:
        DatabaseNotOurs: It is another program's file.
        DatabaseReadOnly: It cannot be written.
    """
    try:
        with path.open("rb") as file:
            header = file.read(_HEADER_BYTES)
    except FileNotFoundError:
        return False
    except OSError as error:
        message = f"{path} cannot be opened as a database: {error}"
        raise DatabaseNotOurs(message) from error
    if not header:
        return False
    if not header.startswith(_MAGIC):
        message = f"{path} is not an SQLite database; choose another path"
        raise DatabaseNotOurs(message)
    if int.from_bytes(header[_ID_AT], "big") != APPLICATION_ID:
        message = f"{path} is another program's SQLite database; choose another path"
        raise DatabaseNotOurs(message)
    if not os.access(path, os.W_OK):
        message = f"{path} can only be read; make it writable for this user"
        raise DatabaseReadOnly(message)
    return True


def prepare_sqlite(path: Path, dialect: Dialect) -> None:
    """Create, recognise or upgrade the database file. Its owner calls this.

    Raises `DatabaseNotOurs`, `DatabaseReadOnly`, `DatabaseFull`, `DatabaseUnavailable`.
    """
    try:
        if not check_sqlite_file(path):
            create_sqlite(path, dialect)
            return
        with closing(open_to_read(path)) as connection:
            revision = find_revision(connection.execute)
    except apsw.Error as error:
        raise translate(error) from error
    if is_older(revision, str(path)):
        upgrade_sqlite(path)


def upgrade_sqlite(path: Path) -> None:
    """Bring an older file of ours to this version."""
    runner = "headrace.server.store.migrations.runner"
    load(f"{runner}:upgrade")(load(f"{runner}:sqlite_engine")(path))


def create_sqlite(path: Path, dialect: Dialect) -> None:
    """Make the database under another name first: there is a whole one at `path`, or none."""
    fresh = path.with_name(path.name + ".new")
    fresh.unlink(missing_ok=True)
    with written(path, draft=fresh):
        with closing(open_file(fresh)) as connection:
            connection.execute("PRAGMA journal_mode=OFF")
            connection.execute("PRAGMA synchronous=OFF")  # made durable below, in one go
            connection.execute(f"PRAGMA application_id={APPLICATION_ID}")
            connection.execute("BEGIN")
            for statement in creation_script(dialect):
                connection.execute(statement)
            connection.execute("COMMIT")
            connection.execute("PRAGMA journal_mode=WAL")
        replace_durably(fresh, path)


def replace_durably(fresh: Path, path: Path) -> None:
    """Put the file `fresh` in the place of `path`, such that a crash leaves the one or the other."""
    with fresh.open("rb+") as file:
        os.fsync(file.fileno())
    fresh.replace(path)
    if os.name != "nt":  # directories cannot be opened there
        directory = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(directory)
        finally:
            os.close(directory)


def find_revision(execute: Callable[[str], Any]) -> str | None:
    """The revision of a database, or none where it is not ours."""
    program = execute("SELECT value FROM installation WHERE key = 'program'").fetchone()
    if program is None or program[0] != PROGRAM:
        return None
    row = execute(f"SELECT version_num FROM {VERSION_TABLE}").fetchone()  # noqa: S608  # a constant
    return row[0] if row else None


def is_older(revision: str | None, where: str) -> bool:
    """Whether the database must be upgraded. Raises `DatabaseNotOurs` where it is not known."""
    revisions = known_revisions()
    if revision == revisions[-1]:
        return False
    if revision in revisions:
        return True
    message = (
        f"{where} has schema version {revision}, and Headrace {__version__} knows only up to "
        f"{revisions[-1]}; install the newer Headrace that made it, or choose another database"
    )
    raise DatabaseNotOurs(message)
