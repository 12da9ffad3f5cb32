"""Values between the store and PostgreSQL: ids and times stay text, both ways.

Everything goes to the server as text of unknown type: the statement's own casts and columns say what
it is. What comes back is loaded by psycopg, with loaders that make no `UUID` and no `datetime`.
"""

from collections.abc import Callable
from typing import Any

from psycopg import AsyncConnection, Connection
from psycopg.adapt import Buffer, Loader
from psycopg.types.string import TextLoader

from headrace.errors import ValidationFailed
from headrace.server.store.plans import Values

_WHOLE_SECOND = 19  # characters of `2026-11-21 00:33:00`
_FULL = 26  # … with six digits of the second's fraction


class TimestampLoader(Loader):
    """`timestamptz` in a UTC session to the store's fixed-width text."""

    def load(self, data: Buffer) -> str:
        """`2026-11-21 00:33:00.12+00` to `2026-11-21T00:33:00.120000Z`."""
        text = str(data, "utf-8")[:-3]  # less the offset, `+00`
        if len(text) == _WHOLE_SECOND:
            text += "."
        return f"{text[:10]}T{text[11:]:0<{_FULL - 11}}Z"


class NumericLoader(Loader):
    """`numeric`, which sums and averages are, to what SQLite gives: an int or a float."""

    def load(self, data: Buffer) -> int | float:
        """A number without a fraction is an int."""
        text = str(data, "utf-8")
        return float(text) if "." in text or "N" in text else int(text)


def adapt(connection: "Connection[Any] | AsyncConnection[Any]") -> None:
    """Have a connection give values as the store's rows carry them."""
    connection.adapters.register_loader("uuid", TextLoader)
    connection.adapters.register_loader("timestamptz", TimestampLoader)
    connection.adapters.register_loader("numeric", NumericLoader)


SESSION = (
    "SET timezone = 'UTC'",
    "SET datestyle = 'ISO'",
    "SET application_name = 'headrace'",
    "SET jit = off",  # compiling takes longer than any query of ours
    "SET lock_timeout = '10s'",
    "SET statement_timeout = '30s'",
    "SET idle_in_transaction_session_timeout = '30s'",
)
"""How every session is set up. The bounds keep one stuck client from holding up the others."""


def _dump_text(value: str) -> bytes:
    try:
        return value.encode()
    except UnicodeEncodeError as error:
        problem: dict[str, object] = {
            "loc": ["database"],
            "msg": f"text cannot be stored: {error}",
            "type": "value_error",
        }
        raise ValidationFailed([problem]) from error


_DUMPERS: dict[type, Callable[[Any], bytes | None]] = {
    str: _dump_text,
    type(None): lambda _: None,
    bool: lambda value: b"t" if value else b"f",
    int: lambda value: b"%d" % value,
    float: lambda value: repr(value).encode(),
}


def dump(values: Values) -> list[bytes | None]:
    """Values in PostgreSQL's text form.

    Raises `ValidationFailed` for text that is not Unicode, `TypeError` for an unknown type.
    """
    try:
        return [_DUMPERS[type(value)](value) for value in values]
    except KeyError:
        kinds = ", ".join(sorted({type(v).__name__ for v in values if type(v) not in _DUMPERS}))
        message = f"the store takes str, int, float, bool and None, not {kinds}"
        raise TypeError(message) from None
