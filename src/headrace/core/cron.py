"""Cron expressions: parsed to sets, and the wall-clock times they name.

Five fields (minute, hour, day of month, month, day of week), a sixth for seconds and a seventh for
years, as croniter orders them; `*`, `?`, lists, ranges (also over the end, `22-2`), steps, names,
`L` (last day of the month), `L5` (last Friday), `5#2` (second Friday) and `@daily` and its like.
"""

import re
from calendar import monthrange
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import lru_cache

_ALIASES = {
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
    "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@hourly": "0 * * * *",
}
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_WEEKDAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
_PIECE = re.compile(r"(\*|\?|\w+)(?:-(\w+))?(?:/(\d+))?")
_NTH = re.compile(r"(\w+)#([1-5])")
_LAST_WEEKDAY = re.compile(r"l(\w+)")

_YEARS_WITHOUT_MATCH = 40
"""29 February on a given weekday comes back within 40 years, also over 2100; after that, never."""


@dataclass(frozen=True, slots=True)
class _Field:
    name: str
    low: int
    high: int
    names: tuple[str, ...] = ()
    first_name: int = 0  # the number of `names[0]`


_MINUTE = _Field("minute", 0, 59)
_HOUR = _Field("hour", 0, 23)
_DAY = _Field("day of month", 1, 31)
_MONTH = _Field("month", 1, 12, _MONTHS, 1)
_WEEKDAY = _Field("day of week", 0, 7, _WEEKDAYS, 0)
_SECONDS = _Field("second", 0, 59)
_YEAR = _Field("year", 1970, 2099)


@dataclass(frozen=True, slots=True)
class Cron:
    """A parsed expression. Weekdays count from 0, Sunday; `nth` holds (weekday, which; -1 last)."""

    seconds: tuple[int, ...]
    minutes: tuple[int, ...]
    hours: tuple[int, ...]
    days: frozenset[int]
    months: frozenset[int]
    weekdays: frozenset[int]
    nth: frozenset[tuple[int, int]]
    last_day: bool
    any_day: bool
    any_weekday: bool
    years: frozenset[int] | None
    day_or: bool

    @property
    def every_hour(self) -> bool:
        """Whether it runs in every hour of its days: then it follows elapsed time."""
        return len(self.hours) == 24

    def matches(self, day: date) -> bool:
        """Whether it runs on `day`."""
        if day.month not in self.months or (self.years and day.year not in self.years):
            return False
        in_month = self.any_day or self._matches_day(day)
        in_week = self.any_weekday or self._matches_weekday(day)
        if self.any_day or self.any_weekday or not self.day_or:
            return in_month and in_week
        return in_month or in_week

    def _matches_day(self, day: date) -> bool:
        return day.day in self.days or (
            self.last_day and day.day == monthrange(day.year, day.month)[1]
        )

    def _matches_weekday(self, day: date) -> bool:
        weekday = (day.weekday() + 1) % 7
        if weekday in self.weekdays:
            return True
        if not self.nth:
            return False
        last = day.day + 7 > monthrange(day.year, day.month)[1]
        return (weekday, (day.day + 6) // 7) in self.nth or (last and (weekday, -1) in self.nth)


@lru_cache(maxsize=4096)
def parse_cron(expression: str, *, day_or: bool = True) -> Cron:
    """The parsed expression.

    Args:
        expression: What a crontab's line has before its command.
        day_or: With both a day of month and a day of week: a day that is either (the rule of cron),
            or, when false, only one that is both.

    Raises:
        ValueError: It is no cron expression, or names a day that never comes; says which field.
    """
    text = expression.strip().lower()
    fields = _ALIASES.get(text, text).split()
    if not 5 <= len(fields) <= 7:
        message = (
            f"{expression!r} has {len(fields)} fields; cron takes 5 (minute hour day month weekday), "
            "then seconds and years if wanted, or a word such as '@daily'"
        )
        raise ValueError(message)
    weekdays, nth = _parse_weekdays(fields[4])
    days, last_day = _parse_days(fields[2])
    cron = Cron(
        seconds=tuple(sorted(_parse_field(fields[5], _SECONDS))) if len(fields) > 5 else (0,),
        minutes=tuple(sorted(_parse_field(fields[0], _MINUTE))),
        hours=tuple(sorted(_parse_field(fields[1], _HOUR))),
        days=days,
        months=_parse_field(fields[3], _MONTH),
        weekdays=weekdays,
        nth=nth,
        last_day=last_day,
        any_day=_says_nothing(fields[2], fields[4], full=len(days) == 31),
        any_weekday=_says_nothing(fields[4], fields[2], full=len(weekdays) == 7),
        years=_parse_years(fields[6]) if len(fields) > 6 else None,
        day_or=day_or,
    )
    start = datetime(min(cron.years) if cron.years else 2000, 1, 1) - timedelta(seconds=1)  # noqa: DTZ001  # wall-clock time
    if next(times(cron, start), None) is None:
        message = f"{expression!r} names a day that never comes"
        raise ValueError(message)
    return cron


def times(cron: Cron, after: datetime) -> Iterator[datetime]:
    """Wall-clock times later than `after`, ascending; it ends when none comes within 40 years."""
    day = after.date()
    last_match = day
    while day.year < 9999 and day.year - last_match.year <= _YEARS_WITHOUT_MATCH:
        if day.month not in cron.months or (cron.years and day.year not in cron.years):
            day = _first_of_next_month(day)
            continue
        if cron.matches(day):
            last_match = day
            yield from _times_of_day(cron, day, after)
        day += timedelta(days=1)


def _times_of_day(cron: Cron, day: date, after: datetime) -> Iterator[datetime]:
    first_hour, first_minute = (after.hour, after.minute) if day == after.date() else (0, 0)
    for hour in cron.hours:
        if hour < first_hour:
            continue
        for minute in cron.minutes:
            if hour == first_hour and minute < first_minute:
                continue
            for second in cron.seconds:
                time = datetime(day.year, day.month, day.day, hour, minute, second)  # noqa: DTZ001  # wall-clock time
                if time > after:
                    yield time


def _first_of_next_month(day: date) -> date:
    return date(day.year + day.month // 12, day.month % 12 + 1, 1)


def _says_nothing(text: str, other: str, *, full: bool) -> bool:
    """Whether a field for days leaves the choice to the other one.

    As croniter has it: `*` does, and what names every day does beside a field that begins with `*`;
    else the two are alternatives, and every day is one of them.
    """
    return text in {"*", "?"} or (full and other.startswith("*"))


def _parse_days(text: str) -> tuple[frozenset[int], bool]:
    pieces = text.split(",")
    rest = [piece for piece in pieces if piece != "l"]
    days = _parse_field(",".join(rest), _DAY) if rest else frozenset[int]()
    return days, len(rest) < len(pieces)


def _parse_years(text: str) -> frozenset[int] | None:
    return None if text in {"*", "?"} else _parse_field(text, _YEAR)


def _parse_weekdays(text: str) -> tuple[frozenset[int], frozenset[tuple[int, int]]]:
    plain: list[str] = []
    nth: set[tuple[int, int]] = set()
    for piece in text.split(","):
        if match := _NTH.fullmatch(piece):
            nth.add((_number(match[1], _WEEKDAY) % 7, int(match[2])))
        elif match := _LAST_WEEKDAY.fullmatch(piece):
            nth.add((_number(match[1], _WEEKDAY) % 7, -1))
        else:
            plain.append(piece)
    weekdays = _parse_field(",".join(plain), _WEEKDAY) if plain else frozenset[int]()
    return frozenset(day % 7 for day in weekdays), frozenset(nth)


def _parse_field(text: str, field: _Field) -> frozenset[int]:
    values: set[int] = set()
    for piece in text.split(","):
        values.update(_parse_piece(piece, field))
    return frozenset(values)


def _parse_piece(piece: str, field: _Field) -> Iterator[int]:
    match = _PIECE.fullmatch(piece)
    if match is None or (match[1] in {"*", "?"} and match[2]):
        message = f"the field for the {field.name} cannot be {piece!r}"
        raise ValueError(message)
    step = int(match[3]) if match[3] else 1
    if step < 1:
        message = f"the field for the {field.name} has the step 0: {piece!r}"
        raise ValueError(message)
    last = 6 if field is _WEEKDAY else field.high
    if match[1] in {"*", "?"}:
        return iter(range(field.low, last + 1, step))
    low = _number(match[1], field)
    high = _number(match[2], field) if match[2] else (last if match[3] else low)
    if low <= high:
        return iter(range(low, high + 1, step))
    span = last - field.low + 1
    return (field.low + (value - field.low) % span for value in range(low, high + span + 1, step))


def _number(text: str, field: _Field) -> int:
    if text in field.names:
        return field.names.index(text) + field.first_name
    number = int(text) if text.isascii() and text.isdigit() else -1
    if not field.low <= number <= field.high:
        message = f"the field for the {field.name} takes {field.low} to {field.high}, not {text!r}"
        raise ValueError(message)
    return number
