"""Stretches of time as a table to join with."""

from collections.abc import Sequence
from typing import Any, Final

from sqlalchemy import Integer, Text, bindparam, column
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.sql.selectable import TableValuedAlias

from headrace.server.store.schema import Timestamp
from headrace.wire.decode import encode

Span = tuple[str, str]
"""From when (inclusive) to when (exclusive), as text."""

SPANS: Final = "spans"
"""The parameter that takes the spans, as `spans_text` writes them."""


def spans_text(spans: Sequence[Span]) -> str:
    """All spans as one parameter: the statement is the same for any number of them."""
    return encode(spans).decode()


def spans_table(name: str = SPANS) -> TableValuedAlias:
    """Columns `number` (from 0, in the order given), `begin` and `finish`. Its parameter is `name`."""
    return _Spans(bindparam(name, type_=Text())).table_valued(
        column("number", Integer),
        column("begin", Timestamp),
        column("finish", Timestamp),
        name=name,
    )


class _Spans(FunctionElement[Any]):
    name = "spans"
    inherit_cache = True


# A parameter is all that is put into the texts.
@compiles(_Spans, "sqlite")
def _on_sqlite(element: _Spans, compiler: SQLCompiler, **options: Any) -> str:
    text = compiler.process(element.clauses, **options)
    # the limit keeps SQLite from taking the list apart again for each row that it is compared with
    return (
        "(SELECT key AS number, value ->> 0 AS begin, value ->> 1 AS finish"  # noqa: S608
        f" FROM json_each({text}) LIMIT -1)"
    )


@compiles(_Spans, "postgresql")
def _on_postgresql(element: _Spans, compiler: SQLCompiler, **options: Any) -> str:
    text = compiler.process(element.clauses, **options)
    return (
        "(SELECT CAST(given.at - 1 AS integer) AS number,"  # noqa: S608
        " CAST(given.span ->> 0 AS timestamptz) AS begin,"
        " CAST(given.span ->> 1 AS timestamptz) AS finish"
        f" FROM json_array_elements(CAST({text} AS json)) WITH ORDINALITY AS given(span, at))"
    )
