"""Opening a database by its URL."""

import asyncio
from pathlib import Path
from urllib.parse import unquote

from headrace._bindings import load
from headrace.errors import ValidationFailed
from headrace.server.store.database import Database
from headrace.server.store.disk import written
from headrace.server.store.migrate import check_sqlite_file, prepare_sqlite
from headrace.server.store.ownership import own
from headrace.server.store.sqlite import SqliteDatabase, new_dialect

_SQLITE = "sqlite:///"
_POSTGRESQL = ("postgresql://", "postgres://")


def sqlite_path(url: str) -> Path | None:
    """The file that a URL or bare path names; none where it names no SQLite database.

    Raises `ValidationFailed` for what is neither a path nor a URL this store knows.
    """
    if url.startswith(_SQLITE):
        path = unquote(url.removeprefix(_SQLITE).partition("?")[0])
    elif url.startswith(_POSTGRESQL):
        return None
    elif "://" in url:
        raise _unknown(url)
    else:
        path = url
    if not path or path == ":memory:":
        raise _unknown(url)
    return Path(path).expanduser().absolute()


def _unknown(url: str) -> ValidationFailed:
    scheme = url.partition("://")[0]
    message = (
        f"{scheme!r} names no database: give sqlite:///path/to/file.db, a path, "
        "or postgresql://user@host/database"
    )
    return ValidationFailed([{"loc": ["database_url"], "msg": message, "type": "value_error"}])


async def open_database(url: str) -> Database:
    """Open, create or upgrade the database that a URL names, and own it (SQLite).

    Args:
        url: `sqlite:///path` (four slashes for an absolute path), a bare path, or `postgresql://…`.

    Raises:
        DatabaseInUse: Another process owns the SQLite file.
        DatabaseNotOurs: Another program's, or of a newer version. It is left untouched.
        DatabaseReadOnly, DatabaseFull, DatabaseUnavailable: The disk or the server refuses.
        ValidationFailed: The URL names no database.
    """
    path = sqlite_path(url)
    if path is None:
        return await load("headrace.server.store.postgresql:open_postgresql")(url)
    return await _open_sqlite(path)


async def _open_sqlite(path: Path) -> Database:
    with written(path):
        path.parent.mkdir(parents=True, exist_ok=True)
    check_sqlite_file(path)  # before anything is written beside a file that is not ours
    ownership = own(path)
    try:
        await asyncio.to_thread(prepare_sqlite, path, new_dialect())
        return SqliteDatabase(path, ownership)
    except BaseException:
        ownership.release()
        raise
