"""Runs by state over time, for flow runs and task runs alike."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import Select, Table

from headrace.core.times import now_text, to_text
from headrace.errors import Unprocessable
from headrace.server.services import tallies
from headrace.server.store import histories as store
from headrace.server.store.database import Database, Row
from headrace.server.store.filters.joined import Filters, where_flow_runs, where_task_runs
from headrace.server.store.schema import flow_run, task_run
from headrace.server.store.shaped import ShapedQuery
from headrace.server.store.spans import Span
from headrace.wire.decode import encode

MOST_INTERVALS: Final = 500
"""More intervals than a chart has pixels for; a longer history is asked for in coarser ones."""

_SHORTEST: Final = 1.0  # seconds
_MICROSECOND: Final = timedelta(microseconds=1)


@ShapedQuery
def _of_flow_runs(filters: Filters) -> Select[Any]:
    return store.history(flow_run, where_flow_runs(filters))


@ShapedQuery
def _of_task_runs(filters: Filters) -> Select[Any]:
    return store.history(task_run, where_task_runs(filters))


@dataclass(frozen=True, slots=True)
class Subject:
    """Runs that there is a history of."""

    runs: Table
    query: ShapedQuery[[Filters]]
    scope: Callable[[Filters], tallies.Scope | None]


FLOW_RUNS: Final = Subject(flow_run, _of_flow_runs, tallies.scope_of_flow_runs)
TASK_RUNS: Final = Subject(task_run, _of_task_runs, tallies.scope_of_task_runs)


async def read_history(
    database: Database,
    subject: Subject,
    filters: Filters,
    span: tuple[datetime, datetime],
    interval_seconds: float,
) -> bytes:
    """The contract's list of intervals, each with its states.

    Args:
        database: Where the runs are.
        subject: Of which runs: `FLOW_RUNS` or `TASK_RUNS`.
        filters: Which of them are meant.
        span: From when to when.
        interval_seconds: How long each interval is.

    Raises `Unprocessable` for an interval under a second or more than 500 of them: beyond, the
    history is cut to the first 500.
    """
    if interval_seconds < _SHORTEST:
        raise Unprocessable(
            f"history_interval_seconds is {interval_seconds}: an interval has at least one second."
        )
    try:
        step = timedelta(seconds=interval_seconds)
        intervals = _cut(span, step)
    except OverflowError as error:
        raise Unprocessable(
            f"Intervals of {interval_seconds} s from {span[0].isoformat()} leave the calendar: ask for "
            "shorter ones, or for an earlier time."
        ) from error
    answer = list[dict[str, object]]()
    states = list[list[dict[str, object]]]()
    for begin, finish in intervals:
        within: list[dict[str, object]] = []
        states.append(within)
        answer.append({"interval_start": begin, "interval_end": finish, "states": within})
    if intervals:
        rows = await _rows(database, subject, filters, intervals, step)
        for number, kind, name, count, ran, late in rows:
            counted: dict[str, object] = {
                "state_type": kind,
                "state_name": name,
                "count_runs": count,
                "sum_estimated_run_time": ran,
                "sum_estimated_lateness": late,
            }
            states[int(number)].append(counted)
    return encode(answer)


async def _rows(
    database: Database, subject: Subject, filters: Filters, intervals: list[Span], step: timedelta
) -> list[Row]:
    scope = subject.scope(filters)
    if scope is not None:
        return await tallies.read_history(database, subject.runs, scope, intervals, step)
    query, params = subject.query.of(filters)
    whole = {"begin": intervals[0][0], "finish": intervals[-1][1], "step": step // _MICROSECOND}
    return await database.fetch_all(query, {**params, **whole, "now": now_text()})


def _cut(span: tuple[datetime, datetime], step: timedelta) -> list[Span]:
    intervals: list[Span] = []
    begin, end = span
    while begin < end and len(intervals) < MOST_INTERVALS:
        intervals.append((to_text(begin), to_text(begin + step)))
        begin += step
    return intervals
