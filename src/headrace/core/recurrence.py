"""Recurrence rules (RFC 5545 RRULE): parsed, and the wall-clock times they name.

All times of a rule are read as the clock of the schedule's own zone shows them: a `Z` on DTSTART and a
TZID are set aside, as the contract has it. Only an UNTIL with `Z` beside a DTSTART without one is a
moment in UTC, as the RFC has it.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from heapq import merge
from itertools import islice
from zoneinfo import ZoneInfo

from dateutil.rrule import rrule, rrulestr

_DEFAULT_START = "20200101T000000"
"""Where a rule without DTSTART begins, as in the contract: a Wednesday."""

_PERIODS = {
    "SECONDLY": timedelta(seconds=1),
    "MINUTELY": timedelta(minutes=1),
    "HOURLY": timedelta(hours=1),
    "DAILY": timedelta(days=1),
    "WEEKLY": timedelta(weeks=1),
}
_FREQUENCIES = (*_PERIODS, "MONTHLY", "YEARLY")

_MAX_COUNT = 100_000
"""Runs. A rule with COUNT is walked from its start each time, about 3 µs a run."""

_MAX_EXCLUDED = 10_000
"""Times in a row: after so many that are all excluded, nothing is taken to be left."""

_END_OF_CALENDAR = datetime(9959, 1, 6)  # noqa: DTZ001  # wall-clock time
"""A rule is tried from here: the library walks on to the year 9999 when a rule never comes, which from
the present takes 9 s and from here 50 ms. 40 years hold every combination of date and weekday."""

_TIME = re.compile(r"\d{8}(?:T\d{6}Z?)?")


@dataclass(frozen=True, slots=True)
class _Rule:
    text: str  # without UNTIL and COUNT
    frequency: str
    interval: int
    count: int | None
    until: datetime | None
    until_is_utc: bool
    named_hours: bool

    @property
    def period(self) -> timedelta | None:
        step = _PERIODS.get(self.frequency)
        return None if step is None else step * self.interval


@dataclass(frozen=True, slots=True)
class Recurrence:
    """A parsed set of rules: what they include and exclude, from `start` on."""

    text: str
    start: datetime
    rules: tuple[_Rule, ...]
    excluding: tuple[_Rule, ...]
    dates: tuple[datetime, ...]
    excluded: tuple[datetime, ...]

    @property
    def every_hour(self) -> bool:
        """Whether a rule counts in hours or less and names none: then it follows elapsed time."""
        return any(
            rule.period is not None and rule.period <= timedelta(hours=1) and not rule.named_hours
            for rule in self.rules
        )


@lru_cache(maxsize=1024)
def parse_recurrence(text: str) -> Recurrence:
    """The parsed rules; `ValueError` says what is wrong with which part."""
    lines = [line.strip() for line in text.strip().splitlines() if line.strip()]
    named = [_split_line(line) for line in lines]
    starts = [value for name, value in named if name == "DTSTART"]
    if len(starts) > 1:
        message = f"the rule has {len(starts)} DTSTART lines; it can have one"
        raise ValueError(message)
    start_is_utc = bool(starts) and starts[0].upper().endswith("Z")
    start = _parse_time(starts[0] if starts else _DEFAULT_START, "DTSTART")
    read = [_parse_rule(value, start_is_utc) for name, value in named if name == "RRULE"]
    dates = [time for name, value in named if name == "RDATE" for time in _times(value, name)]
    if not read and not dates:
        message = f"the rule {text!r} has neither an RRULE nor an RDATE line"
        raise ValueError(message)
    recurrence = Recurrence(
        text=text if starts else f"DTSTART:{_DEFAULT_START}\n{text.strip()}",
        start=start,
        rules=tuple(read),
        excluding=tuple(_parse_rule(v, start_is_utc) for name, v in named if name == "EXRULE"),
        dates=tuple(dates),
        excluded=tuple(t for name, v in named if name == "EXDATE" for t in _times(v, name)),
    )
    for rule in (*recurrence.rules, *recurrence.excluding):
        _check_that_it_comes(rule, start)
    return recurrence


def times(recurrence: Recurrence, after: datetime, zone: ZoneInfo) -> Iterator[datetime]:
    """Wall-clock times later than `after`, ascending."""

    def walk(rules: tuple[_Rule, ...], dates: tuple[datetime, ...]) -> Iterator[datetime]:
        every = (_times_of_rule(rule, recurrence.start, after, zone) for rule in rules)
        return merge(*every, sorted(dates))

    excluded = walk(recurrence.excluding, recurrence.excluded)
    next_excluded = next(excluded, None)
    in_a_row = 0
    for time in walk(recurrence.rules, recurrence.dates):
        if time <= after:
            continue
        while next_excluded is not None and next_excluded < time:
            next_excluded = next(excluded, None)
        if time != next_excluded:
            in_a_row = 0
            yield time
        elif (in_a_row := in_a_row + 1) >= _MAX_EXCLUDED:
            return


def _times_of_rule(
    rule: _Rule, start: datetime, after: datetime, zone: ZoneInfo
) -> Iterator[datetime]:
    """The times of one rule; where it has no COUNT, begun shortly before they are needed."""
    if rule.count is None and rule.period is not None and start < after:
        start += (after - start) // rule.period * rule.period
    until = rule.until
    if until is not None and rule.until_is_utc:
        until = _shown(until, zone)
    return islice(iter(_build(rule, start, until)), rule.count)


def _check_that_it_comes(rule: _Rule, start: datetime) -> None:
    if rule.period is not None:
        late = start + (_END_OF_CALENDAR - start) // rule.period * rule.period
        probe = _build(rule, late, None)
    else:  # by months or years: the interval is left out, it would have to be aligned
        late = start.replace(
            year=_END_OF_CALENDAR.year + 1
        )  # a leap year, should it be 29 February
        probe = _build(rule, late, None).replace(interval=1)
    if next(iter(probe), None) is None:
        message = f"the rule {rule.text!r} names a time that never comes"
        raise ValueError(message)


def _shown(moment: datetime, zone: ZoneInfo) -> datetime:
    return moment.replace(tzinfo=UTC).astimezone(zone).replace(tzinfo=None)


def _build(rule: _Rule, start: datetime, until: datetime | None) -> rrule:
    end = f";UNTIL={until:%Y%m%dT%H%M%S}" if until else ""
    try:
        built = rrulestr(rule.text + end, dtstart=start, ignoretz=True)
    except (ValueError, TypeError, AttributeError, KeyError, IndexError) as error:
        message = f"the rule {rule.text!r} cannot be read: {error}"
        raise ValueError(message) from error
    if not isinstance(built, rrule):
        message = f"the rule {rule.text!r} cannot be read as one RRULE"
        raise ValueError(message)  # noqa: TRY004  # bad input, not a bad call
    return built


def _split_line(line: str) -> tuple[str, str]:
    head, colon, value = line.partition(":")
    if not colon:
        return "RRULE", line
    name = head.split(";")[0].upper()
    if name not in {"DTSTART", "RRULE", "RDATE", "EXDATE", "EXRULE"}:
        message = f"the rule has a line {name!r}; it takes DTSTART, RRULE, RDATE, EXDATE, EXRULE"
        raise ValueError(message)
    return name, value


def _parse_rule(value: str, start_is_utc: bool) -> _Rule:
    parts: dict[str, str] = {}
    for part in value.upper().strip(";").split(";"):
        name, equals, setting = part.partition("=")
        if not equals or not setting:
            message = f"the rule {value!r} has the part {part!r}; each is NAME=VALUE, as FREQ=DAILY"
            raise ValueError(message)
        parts[name.strip()] = setting.strip()
    frequency = parts.get("FREQ", "")
    if frequency not in _FREQUENCIES:
        message = f"the rule {value!r} needs FREQ, one of {', '.join(_FREQUENCIES)}"
        raise ValueError(message)
    count = _positive(parts.pop("COUNT", None), "COUNT", _MAX_COUNT)
    until = parts.pop("UNTIL", None)
    return _Rule(
        text=";".join(f"{name}={setting}" for name, setting in parts.items()),
        frequency=frequency,
        interval=_positive(parts.get("INTERVAL"), "INTERVAL", 10**6) or 1,
        count=count,
        until=_parse_time(until, "UNTIL") if until else None,
        until_is_utc=bool(until) and str(until).endswith("Z") and not start_is_utc,
        named_hours="BYHOUR" in parts,
    )


def _positive(text: str | None, name: str, most: int) -> int | None:
    if text is None:
        return None
    if not (text.isascii() and text.isdigit() and 1 <= int(text[:12]) <= most):
        message = f"{name} is a whole number from 1 to {most}, not {text!r}"
        raise ValueError(message)
    return int(text)


def _times(value: str, name: str) -> list[datetime]:
    return [_parse_time(text, name) for text in value.split(",")]


def _parse_time(text: str, name: str) -> datetime:
    compact = text.strip().upper()
    if not _TIME.fullmatch(compact):
        message = f"{name} is a time such as 20270131T090000, not {text!r}"
        raise ValueError(message)
    pattern = "%Y%m%dT%H%M%S" if "T" in compact else "%Y%m%d"
    return datetime.strptime(compact.rstrip("Z"), pattern)  # noqa: DTZ007  # wall-clock time
