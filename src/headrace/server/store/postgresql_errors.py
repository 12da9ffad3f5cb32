"""What PostgreSQL refuses, in the words of `headrace.errors`."""

from headrace.errors import (
    DatabaseFull,
    DatabaseReadOnly,
    DatabaseUnavailable,
    ForeignKeyViolation,
    HeadraceError,
    StoreError,
    TooBusy,
    UniqueViolation,
    Unprocessable,
    ValidationFailed,
)

SERIALIZATION_FAILURE = "40001"
DEADLOCK = "40P01"
TIMED_OUT = "57014"
TRY_AGAIN = frozenset({SERIALIZATION_FAILURE, DEADLOCK})
"""SQLSTATEs after which the same transaction, run again, may well succeed."""

_CLASSES: dict[str, tuple[type[HeadraceError], str]] = {
    "23505": (UniqueViolation, "a row with this key exists already"),
    "23503": (ForeignKeyViolation, "the row that this one belongs to does not exist"),
    "25006": (DatabaseReadOnly, "the server accepts no writes; use the primary"),
    "53100": (DatabaseFull, "free space on the disk of the PostgreSQL server"),
    "53": (DatabaseUnavailable, "the PostgreSQL server is out of resources"),
    "54": (Unprocessable, "the request is too large for it; ask for less at once"),
    "55P03": (TooBusy, "another transaction holds a lock for too long; try again in a moment"),
    TIMED_OUT: (
        DatabaseUnavailable,
        "the statement took too long and was stopped; narrow the query",
    ),
    "57": (DatabaseUnavailable, "the PostgreSQL server is stopping or starting"),
    "08": (DatabaseUnavailable, "the connection to PostgreSQL broke"),
    "40": (TooBusy, "it met other writes again and again; try again in a moment"),
}


def translate(sqlstate: str, message: str) -> HeadraceError:
    """The store's error for an SQLSTATE and the server's first line about it."""
    for key in (sqlstate, sqlstate[:2]):
        if key in _CLASSES:
            kind, advice = _CLASSES[key]
            return kind(f"PostgreSQL: {message} ({sqlstate}): {advice}")
    if sqlstate.startswith("22"):  # data exception: a value is not of its column's type
        problem: dict[str, object] = {
            "loc": ["database"],
            "msg": f"{message} ({sqlstate})",
            "type": "value_error",
        }
        return ValidationFailed([problem])
    return StoreError(f"PostgreSQL refused a statement: {message} ({sqlstate})")


def lost(reason: object) -> DatabaseUnavailable:
    """The error for a connection that is gone or cannot be made."""
    return DatabaseUnavailable(f"PostgreSQL does not answer: {str(reason).strip()}")
