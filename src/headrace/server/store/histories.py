"""SQL of how many runs there were, in which states, interval by interval."""

from typing import Any, Final

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Select,
    Table,
    bindparam,
    case,
    func,
    literal,
    select,
)

from headrace.core.states import TERMINAL, StateType
from headrace.server.store.durations import MicrosecondsBetween, SecondsBetween
from headrace.server.store.filters.conditions import Conditions
from headrace.server.store.schema import Timestamp

_OVER: Final = sorted(state.value for state in TERMINAL)
_NUMBER: Final = "interval_number"


def _now() -> ColumnElement[str]:
    return bindparam("now", type_=Timestamp())


def lateness(runs: Table) -> ColumnElement[float]:
    """Seconds between when a run was to start and when it did; up to now while it has not."""
    expected, started = runs.c.expected_start_time, runs.c.start_time
    late = case(
        (started > expected, SecondsBetween(expected, started)),
        (started.is_not(None), literal(0.0)),
        (runs.c.state_type.in_(_OVER), literal(0.0)),
        (expected < _now(), SecondsBetween(expected, _now())),
        else_=literal(0.0),
    )
    return func.coalesce(late, literal(0.0))


def run_time(runs: Table) -> ColumnElement[float]:
    """Seconds spent in RUNNING, up to now."""
    running = runs.c.state_type == StateType.RUNNING.value
    since = SecondsBetween(runs.c.state_timestamp, _now())
    return runs.c.total_run_time + case((running, since), else_=literal(0.0))


def average_lateness(runs: Table, conditions: Conditions) -> Select[Any]:
    """One row: the mean lateness of the runs meant, in seconds. Parameter `now`."""
    return select(func.avg(lateness(runs))).where(*conditions)


def history(runs: Table, conditions: Conditions) -> Select[*tuple[Any, ...]]:
    """For each interval and state: number, type, name, runs, seconds run, seconds late.

    The intervals are of one length and follow each other, so that which one a run is in can be
    reckoned: whatever index the conditions need is free to be used. Parameters `begin` and `finish` of
    all intervals together, `step` (microseconds of one), and `now`.
    """
    expected = runs.c.expected_start_time
    begin, finish = (bindparam(name, type_=Timestamp()) for name in ("begin", "finish"))
    number = MicrosecondsBetween(begin, expected).op("/")(bindparam("step", type_=BigInteger()))
    groups = (number.label(_NUMBER), runs.c.state_type, runs.c.state_name)
    order = (_NUMBER, runs.c.state_type, runs.c.state_name)
    return (
        select(*groups, func.count(), func.sum(run_time(runs)), func.sum(lateness(runs)))
        .where(expected >= begin, expected < finish, runs.c.state_type.is_not(None), *conditions)
        .group_by(*order)
        .order_by(*order)
    )
