"""How far ahead a schedule's runs are made, when to look at it again, and what is made up for."""

from collections import deque
from dataclasses import dataclass
from datetime import datetime, timedelta

from headrace.core.misfires import Misfire, keep
from headrace.core.schedules import Schedule, dates

_MICROSECOND = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Horizon:
    """How many runs a schedule has in store.

    Args:
        min_runs: At least so many, even if they are far away.
        min_time: All that are due within this time.
        max_runs: Never more than this.
        max_time: None that is due later than this.
    """

    min_runs: int = 3
    min_time: timedelta = timedelta(hours=1)
    max_runs: int = 100
    max_time: timedelta = timedelta(days=100)


_SHORTEST_SLEEP = timedelta(seconds=1)
"""However fast a schedule is, it is looked at once a second at most; 100 runs are in store then."""

LONGEST_SLEEP = timedelta(days=1)
"""A schedule is looked at once a day at least; a later time in store comes from a clock that jumped."""


MOST_MADE_UP = 100
"""Runs that are made for times that passed: as many as are planned ahead at most."""

_MOST_SEARCHED = 100_000
"""Dates of a schedule gone through for those: half a second's work at worst."""

_FIRST_SPAN = timedelta(minutes=1)
"""How far back the search for passed dates looks at first; it doubles until enough are found."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What a schedule needs now.

    Args:
        dates: All dates that should have a run.
        look_again: When more may be needed.
    """

    dates: tuple[datetime, ...]
    look_again: datetime


def plan(
    schedule: Schedule,
    now: datetime,
    horizon: Horizon,
    max_runs: int | None = None,
    until: datetime | None = None,
) -> Plan:
    """The dates from `now` on that should have a run.

    Dates before `now` are none of its business: see `list_missed`.

    Args:
        schedule: When.
        now: The first date may fall on it.
        horizon: The server's bounds.
        max_runs: The schedule's own bound.
        until: A last date, in place of the horizon's.
    """
    most = min(horizon.max_runs, max_runs or horizon.max_runs)
    last = now + horizon.max_time if until is None else until
    ahead = dates(schedule, now - _MICROSECOND, most + 1, last)
    soon = now + horizon.min_time
    wanted = [date for at, date in enumerate(ahead) if at < horizon.min_runs or date <= soon][:most]
    return Plan(tuple(wanted), _look_again(ahead, len(wanted), now, horizon, most))


def _look_again(
    ahead: list[datetime], planned: int, now: datetime, horizon: Horizon, most: int
) -> datetime:
    latest = now + LONGEST_SLEEP
    if planned == len(ahead):  # no further date within the horizon
        return latest
    next_date = ahead[planned]
    # It enters the window, or a run leaves it.
    when = next_date - horizon.min_time
    least = min(horizon.min_runs, most)
    if planned >= least:
        when = min(when, ahead[planned - least] + _MICROSECOND)
    if planned >= most:
        when = max(when, ahead[0] + _MICROSECOND)
    return min(latest, max(when, now + _SHORTEST_SLEEP))


def list_missed(
    schedule: Schedule, since: datetime, now: datetime, misfire: Misfire
) -> list[datetime]:
    """The dates later than `since` and not later than `now` that have to be made up for.

    The newest of them, at most `MOST_MADE_UP`.
    """
    bound = misfire.lateness
    first = since if bound is None else max(since, now - bound - _MICROSECOND)
    enough = 1 if misfire.policy == "latest" else MOST_MADE_UP
    span = _FIRST_SPAN
    while True:
        start = max(first, now - span)
        found = deque(dates(schedule, start, _MOST_SEARCHED, now), enough)
        if start <= first or len(found) == enough:
            return keep(found, now, misfire)
        span *= 2
