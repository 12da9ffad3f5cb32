"""SQL that counts many runs: hours of the tally, and of the rest only the rows themselves.

A stretch of time is cut into whole hours, which the tally has counted, and into what is left at its two
ends. There, and of runs that are not over, rows are read. One statement, so that it sees one moment.
"""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    FromClause,
    Select,
    Subquery,
    Table,
    bindparam,
    delete,
    func,
    literal,
    literal_column,
    or_,
    select,
    union_all,
)

from headrace.core.states import TERMINAL, StateType
from headrace.core.times import to_text
from headrace.server.store import histories
from headrace.server.store.database import Row, Statement, Transaction
from headrace.server.store.durations import MicrosecondsBetween
from headrace.server.store.filters.conditions import Conditions
from headrace.server.store.filters.nouns import StateColumns
from headrace.server.store.schema import Timestamp, flow_run, flow_run_tally, task_run_tally
from headrace.server.store.spans import Span, spans_table, spans_text

OfState = Callable[[StateColumns], Conditions]
"""The condition that a filter puts on `state_type` and `state_name`, on the columns it is given."""

EVER: Final[Span] = ("0001-01-01T00:00:00.000000Z", "9999-12-31T23:59:59.999999Z")

_HOUR: Final = timedelta(hours=1)
_MICROSECOND: Final = timedelta(microseconds=1)
# Literals, so that both databases see while they plan that few rows are live.
_LIVE: Final[list[ColumnElement[str]]] = [
    literal_column(f"'{one.value}'") for one in StateType if one not in TERMINAL
]
_OVER: Final[list[ColumnElement[str]]] = [
    literal_column(f"'{one.value}'") for one in StateType if one in TERMINAL
]
_NUMBER: Final = "interval_number"


def cut(intervals: Sequence[Span], step: timedelta, bounds: Span = EVER) -> dict[str, object]:
    """The parameters of intervals of one length that follow each other, of which there is one at least.

    Args:
        intervals: Them.
        step: Their length.
        bounds: Only runs that were to start within.
    """
    whole, heads, tails = list[Span](), list[Span](), list[Span]()
    for start, end in intervals:
        begin, finish = max(start, bounds[0]), min(end, bounds[1])
        first, last = _next_hour(begin), _hour(finish)
        if first > last:  # it lies within one hour
            first = last = finish
        whole.append((first, last))
        heads.append((begin, first))
        tails.append((last, finish))
    return {
        "whole": spans_text(whole),
        "heads": spans_text(heads),
        "tails": spans_text(tails),
        "begin": intervals[0][0],
        "since": max(intervals[0][0], bounds[0]),
        "until": min(intervals[-1][1], bounds[1]),
        "step": step // _MICROSECOND,
    }


def _hour(moment: str) -> str:
    """The beginning of the hour that a moment lies in, as text."""
    return f"{moment[:13]}:00:00.000000Z"


def _next_hour(moment: str) -> str:
    """The first full hour from a moment on."""
    hour = _hour(moment)
    if hour == moment:
        return hour
    try:
        return to_text(datetime.fromisoformat(hour) + _HOUR)
    except OverflowError:  # the last hour of the calendar
        return EVER[1]


def _tally_of(runs: Table) -> Table:
    return flow_run_tally if runs is flow_run else task_run_tally


def _seconds(column: ColumnElement[int]) -> ColumnElement[Any]:
    return column / literal_column("1000000.0")


def history(runs: Table, of_state: OfState) -> Select[*tuple[Any, ...]]:
    """As `histories.history`, of a filter of states alone. Parameters of `cut`, and `now`."""
    parts = _within(runs, of_state, is_timed=True)
    groups = (parts.c[_NUMBER], parts.c.state_type, parts.c.state_name)
    counted = func.sum(parts.c.runs)
    return (
        select(*groups, counted, func.sum(parts.c.run_time), func.sum(parts.c.lateness))
        .where(parts.c.state_type.is_not(None))
        .group_by(*groups)
        .having(counted > 0)
        .order_by(*groups)
    )


def totals(
    runs: Table, of_state: OfState, *, is_bounded: bool, is_timed: bool
) -> Select[*tuple[Any, ...]]:
    """One row: runs, and the seconds that they are late in sum.

    Args:
        runs: The table of runs.
        of_state: Which states are meant.
        is_bounded: Only runs that were to start within one interval: parameters of `cut`.
        is_timed: With the seconds, which take longer, and zero else. Parameter `now`.
    """
    parts = (_within if is_bounded else _ever)(runs, of_state, is_timed=is_timed)
    return select(func.coalesce(func.sum(parts.c.runs), 0), func.sum(parts.c.lateness))


def _columns(
    runs: FromClause, number: ColumnElement[int], count: ColumnElement[int], *times: Any
) -> tuple[ColumnElement[Any], ...]:
    run_time, lateness = times
    return (
        number.label(_NUMBER),
        runs.c.state_type,
        runs.c.state_name,
        count.label("runs"),
        run_time.label("run_time"),
        lateness.label("lateness"),
    )


def _rows(runs: Table, number: ColumnElement[int], *, is_timed: bool) -> Select[*tuple[Any, ...]]:
    none = literal(0.0)
    times = (histories.run_time(runs), histories.lateness(runs)) if is_timed else (none, none)
    return select(*_columns(runs, number, literal(1), *times))


def _tallied(tally: Table, number: ColumnElement[int]) -> Select[*tuple[Any, ...]]:
    times = _seconds(func.sum(tally.c.run_time)), _seconds(func.sum(tally.c.lateness))
    return select(*_columns(tally, number, func.sum(tally.c.runs), *times))


def _is_live(runs: Table) -> ColumnElement[bool]:
    return or_(runs.c.state_type.in_(_LIVE), runs.c.state_type.is_(None))


def _state_of(table: Table) -> StateColumns:
    return StateColumns(table.c.state_type, table.c.state_name)


def _hidden_state_of(table: Table) -> StateColumns:
    """Not to be searched by: SQLite would go through all failed runs, say, for each end of an hour."""
    return StateColumns(
        func.coalesce(table.c.state_type, ""), func.coalesce(table.c.state_name, "")
    )


def _within(runs: Table, of_state: OfState, *, is_timed: bool) -> Subquery:
    tally = _tally_of(runs)
    whole = spans_table("whole")
    within = (tally.c.hour >= whole.c.begin) & (tally.c.hour < whole.c.finish)
    counted = (
        _tallied(tally, whole.c.number)
        .select_from(whole.join(tally, within))
        .where(*of_state(_state_of(tally)))
        .group_by(whole.c.number, tally.c.state_type, tally.c.state_name)
    )
    expected = runs.c.expected_start_time
    begin, since, until = (
        bindparam(name, type_=Timestamp()) for name in ("begin", "since", "until")
    )
    number = MicrosecondsBetween(begin, expected).op("/")(bindparam("step", type_=BigInteger()))
    live = _rows(runs, number, is_timed=is_timed).where(
        expected >= since, expected < until, _is_live(runs), *of_state(_state_of(runs))
    )
    parts = [counted, live]
    for name in ("heads", "tails"):
        edge = spans_table(name)
        at_edge = (expected >= edge.c.begin) & (expected < edge.c.finish)
        parts.append(
            _rows(runs, edge.c.number, is_timed=is_timed)
            .select_from(edge.join(runs, at_edge))
            .where(runs.c.state_type.in_(_OVER), *of_state(_hidden_state_of(runs)))
        )
    return union_all(*parts).subquery("parts")


def _ever(runs: Table, of_state: OfState, *, is_timed: bool) -> Subquery:
    tally = _tally_of(runs)
    none = literal(0)
    counted = (
        _tallied(tally, none)
        .where(*of_state(_state_of(tally)))
        .group_by(tally.c.state_type, tally.c.state_name)
    )
    live = _rows(runs, none, is_timed=is_timed).where(_is_live(runs), *of_state(_state_of(runs)))
    return union_all(counted, live).subquery("parts")


def _emptied(tally: Table) -> tuple[Statement, Statement]:
    key = list(tally.primary_key.columns)
    sums = tally.c.runs, tally.c.run_time, tally.c.lateness
    old = select(*key, *sums).where(tally.c.hour < bindparam("before"))
    gone = delete(tally).where(*(column == bindparam(f"k_{column.name}") for column in key))
    # Who is counting in a row just now keeps it; what is locked cannot change until it is deleted.
    return Statement(old.with_for_update(skip_locked=True)), Statement(gone)


_EMPTIED: Final = [_emptied(tally) for tally in (flow_run_tally, task_run_tally)]


def forget_empty(tx: Transaction, before: str) -> int:
    """Delete the rows of old hours that come to nothing together: their runs are deleted.

    Args:
        tx: The transaction.
        before: Of hours before this moment.

    Returns:
        How many.
    """
    forgotten = 0
    for old, gone in _EMPTIED:
        slots: dict[tuple[str, ...], list[Row]] = {}
        for row in tx.fetch_all(old, {"before": before}):
            slots.setdefault(row[:3], []).append(row)
        empty = [
            {"k_hour": row[0], "k_state_type": row[1], "k_state_name": row[2], "k_slot": row[3]}
            for rows in slots.values()
            if not any(map(sum, zip(*(row[4:] for row in rows), strict=True)))
            for row in rows
        ]
        forgotten += tx.execute(gone, empty) if empty else 0
    return forgotten
