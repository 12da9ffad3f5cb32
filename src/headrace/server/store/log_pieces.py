"""SQL of the index of pieces of text in logs."""

from typing import Any, Final

from sqlalchemy import Select, Text, bindparam, column, delete, insert, select
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement

from headrace.server.store.database import Statement
from headrace.server.store.filters.conditions import Conditions
from headrace.server.store.schema import Id, log, log_piece, log_stretch

FIRST_ID: Final = "00000000-0000-0000-0000-000000000000"
"""Before every line."""

NEWEST: Final = Statement(
    select(log_stretch.c.last_id, log_stretch.c.number)
    .order_by(log_stretch.c.last_id.desc())
    .limit(1)
)
LINES: Final = Statement(
    select(log.c.id, log.c.message)
    .where(log.c.id > bindparam("after"), log.c.id < bindparam("before"))
    .order_by(log.c.id)
    .limit(bindparam("many"))
)
INSERT_STRETCH: Final = Statement(insert(log_stretch))
INSERT_PIECES: Final = Statement(insert(log_piece))
DELETE_PIECES: Final = Statement(
    delete(log_piece).where(log_piece.c.stretch == bindparam("stretch"))
)
DELETE_STRETCH: Final = Statement(
    delete(log_stretch).where(log_stretch.c.number == bindparam("stretch"))
)
# PostgreSQL knows no least of several UUIDs.
_first_line: Final = select(log.c.id).order_by(log.c.id).limit(1).scalar_subquery()
EMPTY: Final = Statement(
    select(log_stretch.c.number).where(log_stretch.c.last_id < _first_line).limit(1)
)
"""A stretch whose lines are all deleted, before those that are not."""

STRETCHES: Final = Statement(
    select(log_stretch.c.last_id, log_stretch.c.number, log_stretch.c.blocks).order_by(
        log_stretch.c.last_id
    )
)
OCCURRENCES: Final = Statement(
    select(log_piece.c.stretch, log_piece.c.bucket, log_piece.c.blocks)
    .select_from(log_stretch.join(log_piece, log_piece.c.stretch == log_stretch.c.number))
    .where(log_piece.c.bucket.in_(bindparam("buckets", expanding=True)))
)
TIME_OF: Final = {
    True: Statement(
        select(log.c.timestamp).order_by(log.c.timestamp.desc()).limit(1).offset(bindparam("at"))
    ),
    False: Statement(
        select(log.c.timestamp).order_by(log.c.timestamp).limit(1).offset(bindparam("at"))
    ),
}
"""The time of the n-th newest line (true) or oldest line (false)."""


RANGES: Final = "ranges"
"""The parameter of `in_ranges`: JSON, a list of pairs of ids, after which and up to which."""


class _Ranges(FunctionElement[Any]):
    name = "id_ranges"
    inherit_cache = True


# A parameter is all that is put into the texts.
@compiles(_Ranges, "sqlite")
def _on_sqlite(element: _Ranges, compiler: SQLCompiler, **options: Any) -> str:
    text = compiler.process(element.clauses, **options)
    # the limit keeps SQLite from taking the list apart again for each row that it is compared with
    return f"(SELECT value ->> 0 AS after, value ->> 1 AS last FROM json_each({text}) LIMIT -1)"  # noqa: S608


@compiles(_Ranges, "postgresql")
def _on_postgresql(element: _Ranges, compiler: SQLCompiler, **options: Any) -> str:
    text = compiler.process(element.clauses, **options)
    return (
        "(SELECT CAST(given ->> 0 AS uuid) AS after, CAST(given ->> 1 AS uuid) AS last"  # noqa: S608
        f" FROM json_array_elements(CAST({text} AS json)) AS given)"
    )


def ids_in_ranges(conditions: Conditions) -> Select[Any]:
    """The ids of the lines in `ranges` that meet the conditions."""
    ranges = _Ranges(bindparam(RANGES, type_=Text())).table_valued(
        column("after", Id), column("last", Id), name=RANGES
    )
    within = (log.c.id > ranges.c.after) & (log.c.id <= ranges.c.last)
    return select(log.c.id).select_from(ranges.join(log, within)).where(*conditions)
