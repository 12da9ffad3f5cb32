"""Stretches of time as a table to join with."""

from collections.abc import Sequence

from sqlalchemy import CTE, Integer, column, values

from headrace.server.store.schema import Timestamp

Span = tuple[int, str, str]
"""Its number, and from when (inclusive) to when (exclusive), as text."""


def spans_table(spans: Sequence[Span]) -> CTE:
    """Columns `number`, `begin` and `finish`. A common table: the form that both databases name."""
    table = values(
        column("number", Integer),
        column("begin", Timestamp),
        column("finish", Timestamp),
        name="spans",
    )
    return table.data(list(spans)).cte("spans")
