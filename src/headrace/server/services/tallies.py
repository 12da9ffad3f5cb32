"""Which counts and histories the tally of runs that are over can answer, and how it is asked."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final

import msgspec
from sqlalchemy import Select, Table

from headrace.core.times import now_text, to_text
from headrace.server.store import tallies as store
from headrace.server.store.database import Database, Row
from headrace.server.store.filters.conditions import Conditions
from headrace.server.store.filters.joined import Filters
from headrace.server.store.filters.nouns import (
    StateColumns,
    filter_flow_run_state,
    filter_task_run_state,
)
from headrace.server.store.schema import flow_run, task_run
from headrace.server.store.shaped import ShapedQuery
from headrace.server.store.spans import Span
from headrace.wire.filters import (
    FlowRunFilter,
    FlowRunFilterState,
    Operator,
    TaskRunFilter,
    TaskRunFilterState,
)

_State = FlowRunFilterState | TaskRunFilterState | None

_MICROSECOND: Final = timedelta(microseconds=1)
_KNOWN: Final = frozenset({"expected_start_time", "state", "operator"})
_NOTHING: Final = Filters()


@dataclass(frozen=True, slots=True)
class Scope:
    """What a filter asks for that asks only for states and for when runs were to start.

    Args:
        state: The filter of states, or none.
        bounds: From when (inclusive) to when (exclusive), or none where it does not say.
    """

    state: _State
    bounds: Span | None


def scope_of_flow_runs(filters: Filters) -> Scope | None:
    """What is asked of flow runs; none where it is more than the tally knows."""
    if replace(filters, flow_runs=None) != _NOTHING:
        return None
    return _scope(filters.flow_runs)


def scope_of_task_runs(filters: Filters) -> Scope | None:
    """As `scope_of_flow_runs`."""
    if replace(filters, task_runs=None) != _NOTHING:
        return None
    return _scope(filters.task_runs)


def _scope(given: FlowRunFilter | TaskRunFilter | None) -> Scope | None:
    if given is None:
        return Scope(None, None)
    asked = {name for name, value in msgspec.structs.asdict(given).items() if value is not None}
    both = {"expected_start_time", "state"} <= asked
    if asked - _KNOWN or (both and given.operator is Operator.OR):
        return None
    expected = given.expected_start_time
    if expected is None or (expected.after_ is None and expected.before_ is None):
        return Scope(given.state, None)
    return Scope(given.state, (_from(expected.after_), _beyond(expected.before_)))


def _from(after: datetime | None) -> str:
    return store.EVER[0] if after is None else to_text(after)


def _beyond(before: datetime | None) -> str:
    """Filters mean the moment itself, too."""
    try:
        return store.EVER[1] if before is None else to_text(before + _MICROSECOND)
    except OverflowError:  # the end of the calendar
        return store.EVER[1]


def _of_state(state: _State) -> store.OfState:
    def conditions(columns: StateColumns) -> Conditions:
        if isinstance(state, FlowRunFilterState):
            return filter_flow_run_state(columns, state)
        return [] if state is None else filter_task_run_state(columns, state)

    return conditions


def _totals_of(runs: Table) -> ShapedQuery[[_State, bool, bool]]:
    def build(state: _State, is_bounded: bool, is_timed: bool) -> Select[Any]:
        return store.totals(runs, _of_state(state), is_bounded=is_bounded, is_timed=is_timed)

    return ShapedQuery(build)


def _history_of(runs: Table) -> ShapedQuery[[_State]]:
    def build(state: _State) -> Select[Any]:
        return store.history(runs, _of_state(state))

    return ShapedQuery(build)


_TOTALS: Final[Mapping[Table, ShapedQuery[[_State, bool, bool]]]] = {
    runs: _totals_of(runs) for runs in (flow_run, task_run)
}
_HISTORIES: Final[Mapping[Table, ShapedQuery[[_State]]]] = {
    runs: _history_of(runs) for runs in (flow_run, task_run)
}
_FAR: Final = timedelta(days=4_000_000)  # longer than the calendar: all is one interval


async def count_runs(database: Database, runs: Table, scope: Scope) -> int:
    """How many runs are meant."""
    return (await _read_totals(database, runs, scope, is_timed=False))[0]


async def average_lateness(database: Database, runs: Table, scope: Scope) -> float | None:
    """Seconds that the runs meant start late, in the mean; none where there are none."""
    count, late = await _read_totals(database, runs, scope, is_timed=True)
    return late / count if count else None


async def _read_totals(
    database: Database, runs: Table, scope: Scope, *, is_timed: bool
) -> tuple[int, float]:
    query, params = _TOTALS[runs].of(scope.state, scope.bounds is not None, is_timed)
    given: dict[str, Any] = {**params, "now": now_text()}
    if scope.bounds is not None:
        given |= store.cut([scope.bounds], _FAR)
    [(count, late)] = await database.fetch_all(query, given)
    return int(count), late or 0.0


async def read_history(
    database: Database, runs: Table, scope: Scope, intervals: Sequence[Span], step: timedelta
) -> list[Row]:
    """Rows of `store.history`, of intervals of one length that follow each other."""
    query, params = _HISTORIES[runs].of(scope.state)
    spans = store.cut(intervals, step, scope.bounds or store.EVER)
    return await database.fetch_all(query, {**params, **spans, "now": now_text()})
