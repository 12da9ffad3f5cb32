"""SQLite files, opened with the library that the server brings along.

One library for every connection of a process: two copies of SQLite in it would not see each other's
locks. Its version is the same on every machine, and so are the plans of queries.
"""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, Protocol, Self, cast

import apsw

from headrace.server.store.plans import Values


class Cursor(Protocol):
    """What the store uses of a cursor, with the types that the library leaves open."""

    @property
    def connection(self) -> "Connection":
        """Whose it is."""
        ...

    def execute(self, statements: str, bindings: Sequence[Any] = ..., /) -> Self:
        """Run a statement."""
        ...

    def executemany(self, statements: str, sequenceofbindings: Sequence[Values], /) -> Self:
        """Run a statement once for each set of values."""
        ...

    def fetchall(self) -> list[Values]:
        """The rows that are left."""
        ...

    def fetchone(self) -> Values | None:
        """The next row."""
        ...

    def __iter__(self) -> Iterator[Values]: ...


class Connection(Protocol):
    """What the store uses of a connection: in autocommit mode, open to use by any one thread."""

    @property
    def in_transaction(self) -> bool:
        """Whether a transaction is open."""
        ...

    def execute(self, statements: str, bindings: Sequence[Any] = ..., /) -> Cursor:
        """Run a statement in a cursor of its own."""
        ...

    def executemany(self, statements: str, sequenceofbindings: Sequence[Values], /) -> Cursor:
        """Run a statement once for each set of values."""
        ...

    def cursor(self) -> Cursor:
        """A cursor to be used again and again."""
        ...

    def changes(self) -> int:
        """How many rows the last INSERT, UPDATE or DELETE changed."""
        ...

    def set_progress_handler(self, callable: Callable[[], bool] | None, nsteps: int, /) -> None:  # noqa: A002 - the library's name
        """Call something every so many steps; true stops the statement."""
        ...

    def backup(self, databasename: str, source: "Connection", sourcename: str, /) -> apsw.Backup:
        """Copy pages of another connection's database into this one's."""
        ...

    def close(self) -> None:
        """Close it."""
        ...

    def __enter__(self) -> Self: ...

    def __exit__(self, *error: object) -> bool | None: ...


def open_file(path: Path, *, timeout: float = 0.0, cached_statements: int = 100) -> Connection:
    """A connection to a file, which is made where there is none.

    Args:
        path: The file.
        timeout: Seconds to wait for another program's lock.
        cached_statements: Prepared statements that are kept.
    """
    connection = apsw.Connection(str(path), statementcachesize=cached_statements)
    connection.set_busy_timeout(round(timeout * 1000))
    # Otherwise this build looks at each bound value and prepares the statement anew for it.
    connection.config(apsw.SQLITE_DBCONFIG_ENABLE_QPSG, 1)
    return cast("Connection", connection)


def open_to_read(path: Path) -> Connection:
    """A connection that cannot write; the file must be there."""
    uri = f"{path.absolute().as_uri()}?mode=ro"
    flags = apsw.SQLITE_OPEN_READONLY | apsw.SQLITE_OPEN_URI
    return cast("Connection", apsw.Connection(uri, flags=flags))
