"""From the clock on the wall to moments in UTC, across the days when that clock jumps.

Two rules, and a schedule follows one of them:

- **Named times** (`30 2 * * *`): each happens once. A time that the clock skips happens at the moment
  the clock skips to; a time that the clock shows twice happens the first time.
- **Elapsed time** (`*/30 * * * *`, which runs in every hour): what the clock skips does not happen,
  what it shows twice happens twice, so the pace does not change.
"""

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from heapq import heappop, heappush
from zoneinfo import ZoneInfo

LARGEST_REPEAT = timedelta(hours=3)
"""No zone of today sets its clock back by more; most by one hour."""

_SECOND = timedelta(seconds=1)


@lru_cache(maxsize=1024)
def find_zone(name: str) -> ZoneInfo:
    """The zone of an IANA name; `ValueError` when there is none."""
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError) as error:  # unknown; not a relative path; a folder
        message = f"{name!r} is not an IANA time zone such as 'Europe/Berlin' or 'UTC'"
        raise ValueError(message) from error


def to_wall_clock(moment: datetime, zone: ZoneInfo) -> datetime:
    """What the clock in `zone` shows at `moment`, without a zone of its own."""
    return moment.astimezone(zone).replace(tzinfo=None, fold=0)


def moments(shown: datetime, zone: ZoneInfo, *, elapsed: bool) -> tuple[datetime, ...]:
    """When the clock in `zone` shows `shown`, in UTC: no moment, one or two, by the rule followed."""
    first = shown.replace(tzinfo=zone, fold=0).astimezone(UTC)
    second = shown.replace(tzinfo=zone, fold=1).astimezone(UTC)
    if first == second:
        return (first,)
    if first < second:
        return (first, second) if elapsed else (first,)
    return () if elapsed else (_end_of_gap(second, first, zone),)


def _end_of_gap(before: datetime, after: datetime, zone: ZoneInfo) -> datetime:
    """The moment between the two at which the zone's offset changes, to the second."""
    old = before.astimezone(zone).utcoffset()
    low, high = before.replace(microsecond=0), after.replace(microsecond=0) + _SECOND
    while high - low > _SECOND:
        middle = low + timedelta(seconds=int((high - low).total_seconds()) // 2)
        if middle.astimezone(zone).utcoffset() == old:
            low = middle
        else:
            high = middle
    return high


def in_order(shown: Iterable[datetime], zone: ZoneInfo, *, elapsed: bool) -> Iterator[datetime]:
    """The moments of ascending wall-clock times, ascending and each once."""
    later: list[datetime] = []  # second passes that wait for the first passes before them
    last: datetime | None = None
    for time in shown:
        here = moments(time, zone, elapsed=elapsed)
        if not here:
            continue
        while later and later[0] < here[0]:
            last = heappop(later)
            yield last
        if here[0] != last:
            last = here[0]
            yield last
        if len(here) > 1:
            heappush(later, here[1])
    while later:
        yield heappop(later)


def start_of_search(after: datetime, zone: ZoneInfo, *, elapsed: bool) -> datetime:
    """The wall-clock time from which to look for moments later than `after`.

    Earlier than what the clock shows then, where a second pass of earlier times is still to come.
    """
    shown = to_wall_clock(after, zone)
    if not elapsed:
        return shown - _SECOND
    offsets = {
        (after + shift).astimezone(zone).utcoffset()
        for shift in (-LARGEST_REPEAT, timedelta(0), LARGEST_REPEAT)
    }
    return shown - (LARGEST_REPEAT if len(offsets) > 1 else _SECOND)
