"""How events are numbered, so that a reader who follows the numbers misses none.

SQLite has one writer: rows are numbered in the order in which they commit. On PostgreSQL a serial
number is drawn at the insert, and a transaction that drew a lower one may commit later: a reader that
has gone past it would never see it. There the number is the transaction's id, shifted left, and a
count within it; a reader stays below the oldest transaction that is still open, and whatever commits
later has a higher number.
"""

from typing import Any, Final

from sqlalchemy import BigInteger
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement

_COUNT_BITS: Final = 20  # a million events in one transaction, and 43 bits for transaction ids

SEQUENCE: Final = "event_numbers"
MOST_COUNTED: Final = (1 << _COUNT_BITS) - 1


class NextEventNumber(FunctionElement[int]):
    """The default of `event.seq`."""

    inherit_cache = True
    type = BigInteger()
    name = "next_event_number"


class EventNumberCeiling(FunctionElement[int]):
    """What every event that is yet to commit is numbered from."""

    inherit_cache = True
    type = BigInteger()
    name = "event_number_ceiling"


@compiles(NextEventNumber, "sqlite")
def _next_on_sqlite(_: NextEventNumber, __: SQLCompiler, **___: Any) -> str:
    return "NULL"  # an integer primary key is numbered by SQLite itself


@compiles(NextEventNumber, "postgresql")
def _next_on_postgresql(_: NextEventNumber, __: SQLCompiler, **___: Any) -> str:
    number = f"(pg_current_xact_id()::text::bigint << {_COUNT_BITS})"
    return f"({number} | nextval('{SEQUENCE}'))"


@compiles(EventNumberCeiling, "sqlite")
def _ceiling_on_sqlite(_: EventNumberCeiling, __: SQLCompiler, **___: Any) -> str:
    return "9223372036854775807"


@compiles(EventNumberCeiling, "postgresql")
def _ceiling_on_postgresql(_: EventNumberCeiling, __: SQLCompiler, **___: Any) -> str:
    return f"(pg_snapshot_xmin(pg_current_snapshot())::text::bigint << {_COUNT_BITS})"
