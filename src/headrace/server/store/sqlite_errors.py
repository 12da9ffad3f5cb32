"""What SQLite refuses, in the words of `headrace.errors`."""

import sqlite3

from headrace.errors import (
    DatabaseFull,
    DatabaseReadOnly,
    DatabaseUnavailable,
    ForeignKeyViolation,
    StoreError,
    UniqueViolation,
)

_UNIQUE = {sqlite3.SQLITE_CONSTRAINT_UNIQUE, sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY}
_UNAVAILABLE = {
    sqlite3.SQLITE_IOERR: "the disk reported an error; look at the system log",
    sqlite3.SQLITE_CANTOPEN: "the file cannot be opened; look at its path and permissions",
    sqlite3.SQLITE_BUSY: "another program holds a lock on the file; end that program",
    sqlite3.SQLITE_LOCKED: "another connection holds a lock on a table; try again",
    sqlite3.SQLITE_CORRUPT: "the file is damaged; restore a backup",
    sqlite3.SQLITE_NOTADB: "the file is not an SQLite database; look at the path",
    sqlite3.SQLITE_INTERRUPT: "the statement took too long and was stopped; narrow the query",
    sqlite3.SQLITE_NOMEM: "there is not enough memory",
}
_PRIMARY = 0xFF  # an extended result code keeps its primary code in the low byte


def translate(error: sqlite3.Error) -> StoreError:
    """The store's error for one of the driver."""
    code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR)
    if code in _UNIQUE:
        return UniqueViolation(f"a row with this key exists already ({error})")
    if code == sqlite3.SQLITE_CONSTRAINT_FOREIGNKEY:
        return ForeignKeyViolation("the row that this one belongs to does not exist")
    primary = code & _PRIMARY
    if primary == sqlite3.SQLITE_READONLY:
        return DatabaseReadOnly(f"the database can only be read ({error}); make its file writable")
    if primary == sqlite3.SQLITE_FULL:
        return DatabaseFull(f"the database cannot grow ({error}); free space on its disk")
    if primary in _UNAVAILABLE:
        return DatabaseUnavailable(f"SQLite: {error}: {_UNAVAILABLE[primary]}")
    return StoreError(f"SQLite refused a statement: {error}")
