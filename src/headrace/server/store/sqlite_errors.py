"""What SQLite refuses, in the words of `headrace.errors`."""

import apsw

from headrace.errors import (
    DatabaseFull,
    DatabaseReadOnly,
    DatabaseUnavailable,
    ForeignKeyViolation,
    HeadraceError,
    StoreError,
    UniqueViolation,
    Unprocessable,
)

_UNIQUE = {apsw.SQLITE_CONSTRAINT_UNIQUE, apsw.SQLITE_CONSTRAINT_PRIMARYKEY}
_UNAVAILABLE = {
    apsw.SQLITE_IOERR: "the disk reported an error; look at the system log",
    apsw.SQLITE_CANTOPEN: "the file cannot be opened; look at its path and permissions",
    apsw.SQLITE_BUSY: "another program holds a lock on the file; end that program",
    apsw.SQLITE_LOCKED: "another connection holds a lock on a table; try again",
    apsw.SQLITE_CORRUPT: "the file is damaged; restore a backup",
    apsw.SQLITE_NOTADB: "the file is not an SQLite database; look at the path",
    apsw.SQLITE_INTERRUPT: "the statement took too long and was stopped; narrow the query",
    apsw.SQLITE_NOMEM: "there is not enough memory",
}
# What it says of a statement that is too long or too deep for it, all under one code.
_TOO_LARGE = ("too many", "too large", "stack overflow", "too complex")
_PRIMARY = 0xFF  # an extended result code keeps its primary code in the low byte


def _code(error: apsw.Error) -> int:
    """The extended result code; errors of the wrapper itself have none."""
    return getattr(error, "extendedresult", apsw.SQLITE_ERROR)


def translate(error: apsw.Error) -> HeadraceError:
    """The store's error for one of the driver."""
    code = _code(error)
    if code in _UNIQUE:
        return UniqueViolation(f"a row with this key exists already ({error})")
    if code == apsw.SQLITE_CONSTRAINT_FOREIGNKEY:
        return ForeignKeyViolation("the row that this one belongs to does not exist")
    primary = code & _PRIMARY
    if primary == apsw.SQLITE_READONLY:
        return DatabaseReadOnly(f"the database can only be read ({error}); make its file writable")
    if primary == apsw.SQLITE_FULL:
        return DatabaseFull("the database cannot grow; free space on its disk")
    if primary in _UNAVAILABLE:
        return DatabaseUnavailable(f"SQLite: {error}: {_UNAVAILABLE[primary]}")
    return _refused(error, too_large=primary == apsw.SQLITE_TOOBIG)


def _refused(error: apsw.Error, *, too_large: bool) -> HeadraceError:
    if too_large or any(words in str(error) for words in _TOO_LARGE):
        return Unprocessable(
            f"The request is too large for SQLite ({error}): ask for less at once."
        )
    return StoreError(f"SQLite refused a statement: {error}")
