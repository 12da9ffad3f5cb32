"""Differences between two moments, in SQL of either database."""

from typing import Any

from sqlalchemy import BigInteger, ColumnElement, Double
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement


class SecondsBetween(FunctionElement[float]):
    """Seconds from the first moment to the second, as a number with a fraction."""

    inherit_cache = True
    type = Double[float]()
    name = "seconds_between"

    def __init__(self, start: ColumnElement[Any], end: ColumnElement[Any]) -> None:
        super().__init__(start, end)


@compiles(SecondsBetween, "sqlite")
def _on_sqlite(element: SecondsBetween, compiler: SQLCompiler, **options: Any) -> str:
    start, end = (compiler.process(clause, **options) for clause in element.clauses)
    return f"((julianday({end}) - julianday({start})) * 86400.0)"


@compiles(SecondsBetween, "postgresql")
def _on_postgresql(element: SecondsBetween, compiler: SQLCompiler, **options: Any) -> str:
    start, end = (compiler.process(clause, **options) for clause in element.clauses)
    return f"CAST(extract(epoch FROM ({end} - {start})) AS double precision)"


class MicrosecondsBetween(FunctionElement[int]):
    """Microseconds from the first moment to the second: a whole number, exact."""

    inherit_cache = True
    type = BigInteger()
    name = "microseconds_between"

    def __init__(self, start: ColumnElement[Any], end: ColumnElement[Any]) -> None:
        super().__init__(start, end)


@compiles(MicrosecondsBetween, "sqlite")
def _whole_on_sqlite(element: MicrosecondsBetween, compiler: SQLCompiler, **options: Any) -> str:
    start, end = (compiler.process(clause, **options) for clause in element.clauses)
    # of the fixed-width text: the seconds, then the six digits of the fraction from the 21st on
    return (
        f"((unixepoch({end}) - unixepoch({start})) * 1000000"
        f" + CAST(substr({end}, 21, 6) AS INTEGER) - CAST(substr({start}, 21, 6) AS INTEGER))"
    )


@compiles(MicrosecondsBetween, "postgresql")
def _whole_on_postgresql(
    element: MicrosecondsBetween, compiler: SQLCompiler, **options: Any
) -> str:
    start, end = (compiler.process(clause, **options) for clause in element.clauses)
    return f"CAST(extract(epoch FROM ({end} - {start})) * 1000000 AS bigint)"
