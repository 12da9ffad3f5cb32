"""When a schedule's runs are due: cron, interval and recurrence rule, in a time zone.

`parse_schedule` checks and completes what a client sent; `dates` computes. How a day on which the
clock jumps is treated is told in `wall_clock`. An interval shorter than a day is elapsed time; one of
a day or more keeps its wall-clock time, as named times do.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import count
from zoneinfo import ZoneInfo

from headrace.core import cron as crons
from headrace.core import recurrence as recurrences
from headrace.core.wall_clock import find_zone, in_order, start_of_search, to_wall_clock
from headrace.errors import ValidationFailed

_DAY = timedelta(days=1)
_MICROSECOND = timedelta(microseconds=1)
_KINDS = {
    "cron": {"cron", "timezone", "day_or"},
    "interval": {"interval", "anchor_date", "timezone"},
    "rrule": {"rrule", "timezone"},
}
_DURATION = re.compile(
    r"P(?:(?P<weeks>\d+)W)?(?:(?P<days>\d+)D)?"
    r"(?:T(?:(?P<hours>\d+)H)?(?:(?P<minutes>\d+)M)?(?:(?P<seconds>\d+(?:\.\d+)?)S)?)?"
)

Location = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class CronSchedule:
    """Runs when the clock of a zone matches a cron expression."""

    cron: str
    timezone: str | None = None
    day_or: bool = True

    def to_json(self) -> dict[str, object]:
        """As the contract writes it."""
        return {"cron": self.cron, "timezone": self.timezone, "day_or": self.day_or}


@dataclass(frozen=True, slots=True)
class IntervalSchedule:
    """Runs every `interval`, counted from `anchor` both ways."""

    interval: timedelta
    anchor: datetime
    timezone: str | None = None

    def to_json(self) -> dict[str, object]:
        """As the contract writes it: the interval in seconds."""
        return {
            "interval": self.interval.total_seconds(),
            "anchor_date": self.anchor.isoformat().replace("+00:00", "Z"),
            "timezone": self.timezone,
        }


@dataclass(frozen=True, slots=True)
class RRuleSchedule:
    """Runs when the clock of a zone shows a time of a recurrence rule."""

    rrule: str
    timezone: str | None = "UTC"

    def to_json(self) -> dict[str, object]:
        """As the contract writes it."""
        return {"rrule": self.rrule, "timezone": self.timezone}


Schedule = CronSchedule | IntervalSchedule | RRuleSchedule


def parse_schedule(value: object, now: datetime, location: Location = ("schedule",)) -> Schedule:
    """The schedule that a client sent, checked, and completed with what it left out.

    Args:
        value: The JSON object; its keys tell the kind.
        now: The anchor of an interval that names none.
        location: Where the value stands in the body, for the error.

    Raises:
        ValidationFailed: Exactly one error, with the field.
    """
    if not isinstance(value, Mapping):
        raise _invalid(location, value, "a schedule is an object with cron, interval or rrule")
    fields: Mapping[str, object] = value  # pyright: ignore[reportUnknownVariableType]  # keys of JSON objects are text
    kinds = [kind for kind in _KINDS if kind in fields]
    if len(kinds) != 1:
        given = " and ".join(kinds) or "none of them"
        raise _invalid(
            location, fields, f"a schedule has cron, interval or rrule; this has {given}"
        )
    kind = kinds[0]
    unknown = sorted(set(fields) - _KINDS[kind])
    if unknown:
        allowed = ", ".join(sorted(_KINDS[kind]))
        message = f"a schedule with {kind} takes {allowed}; not {unknown[0]}"
        raise _invalid((*location, unknown[0]), fields[unknown[0]], message, "extra_forbidden")
    if kind == "cron":
        return _parse_cron(fields, location)
    if kind == "interval":
        return _parse_interval(fields, now, location)
    return _parse_rrule(fields, location)


def dates(
    schedule: Schedule, after: datetime, limit: int, until: datetime | None = None
) -> list[datetime]:
    """When runs are due, in UTC, ascending, each once.

    Args:
        schedule: From `parse_schedule`.
        after: Only dates later than this.
        limit: At most so many.
        until: None later than this.
    """
    found: list[datetime] = []
    if limit <= 0:
        return found
    for moment in _moments(schedule, after.astimezone(UTC)):
        if until is not None and moment > until:
            break
        if moment > after:
            found.append(moment)
            if len(found) >= limit:
                break
    return found


def _moments(schedule: Schedule, after: datetime) -> Iterator[datetime]:
    zone = find_zone(schedule.timezone or "UTC")
    match schedule:
        case CronSchedule():
            parsed = crons.parse_cron(schedule.cron, day_or=schedule.day_or)
            elapsed = parsed.every_hour
            shown = crons.times(parsed, start_of_search(after, zone, elapsed=elapsed))
        case RRuleSchedule():
            recurrence = recurrences.parse_recurrence(schedule.rrule)
            elapsed = recurrence.every_hour
            start = start_of_search(after, zone, elapsed=elapsed)
            shown = recurrences.times(recurrence, start, zone)
        case IntervalSchedule() if schedule.interval >= _DAY:
            elapsed = False
            shown = _interval_times(schedule, after, zone)
        case IntervalSchedule():
            return _steps(schedule.anchor, schedule.interval, after)
    return in_order(shown, zone, elapsed=elapsed)


def _interval_times(
    schedule: IntervalSchedule, after: datetime, zone: ZoneInfo
) -> Iterator[datetime]:
    anchor = to_wall_clock(schedule.anchor, zone)
    return _steps(anchor, schedule.interval, to_wall_clock(after, zone) - _DAY)


def _steps(anchor: datetime, interval: timedelta, after: datetime) -> Iterator[datetime]:
    """`anchor` and every `interval` before and behind it, from shortly before `after` on."""
    first = (after - anchor) // interval
    for number in count(first):
        try:
            yield anchor + number * interval
        except OverflowError:  # past the year 9999
            return


def _parse_cron(fields: Mapping[str, object], location: Location) -> CronSchedule:
    expression, day_or = fields["cron"], fields.get("day_or", True)
    if not isinstance(day_or, bool):
        raise _invalid((*location, "day_or"), day_or, "day_or is true or false")
    if not isinstance(expression, str):
        raise _invalid((*location, "cron"), expression, "a cron expression is text")
    try:
        crons.parse_cron(expression, day_or=day_or)
    except ValueError as error:
        raise _invalid((*location, "cron"), expression, str(error)) from error
    return CronSchedule(expression, _parse_zone(fields, None, location), day_or)


def _parse_rrule(fields: Mapping[str, object], location: Location) -> RRuleSchedule:
    text = fields["rrule"]
    if not isinstance(text, str):
        raise _invalid((*location, "rrule"), text, "a recurrence rule is text")
    try:
        recurrence = recurrences.parse_recurrence(text)
    except ValueError as error:
        raise _invalid((*location, "rrule"), text, str(error)) from error
    return RRuleSchedule(recurrence.text, _parse_zone(fields, "UTC", location))


def _parse_interval(
    fields: Mapping[str, object], now: datetime, location: Location
) -> IntervalSchedule:
    interval = _parse_duration(fields["interval"])
    if interval is None or interval < _MICROSECOND:
        message = "an interval is a positive number of seconds or a duration such as 'PT1H'"
        raise _invalid((*location, "interval"), fields["interval"], message)
    anchor = fields.get("anchor_date")
    return IntervalSchedule(
        interval=interval,
        anchor=now.astimezone(UTC) if anchor is None else _parse_anchor(anchor, location),
        timezone=_parse_zone(fields, "UTC", location),
    )


def _parse_anchor(value: object, location: Location) -> datetime:
    try:
        anchor = datetime.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        anchor = None
    if anchor is None:
        message = "an anchor date is a time such as '2027-01-31T09:00:00Z'"
        raise _invalid((*location, "anchor_date"), value, message)
    return (anchor if anchor.tzinfo else anchor.replace(tzinfo=UTC)).astimezone(UTC)


def _parse_duration(value: object) -> timedelta | None:
    if isinstance(value, bool):
        return None
    try:
        if isinstance(value, int | float):
            return timedelta(seconds=value)
        if not isinstance(value, str):
            return None
        match = _DURATION.fullmatch(value)
        if match is None:
            return timedelta(seconds=float(value))
        return timedelta(**{unit: float(n) for unit, n in match.groupdict().items() if n})
    except (ValueError, OverflowError):
        return None


def _parse_zone(
    fields: Mapping[str, object], default: str | None, location: Location
) -> str | None:
    name = fields.get("timezone", default)
    if name is None or name == "":
        return default
    try:
        if not isinstance(name, str):
            message = "a time zone is a name such as 'Europe/Berlin'"
            raise ValueError(message)  # noqa: TRY004, TRY301  # one way out for both
        find_zone(name)
    except ValueError as error:
        raise _invalid((*location, "timezone"), name, str(error)) from error
    return name


def _invalid(
    location: Location, value: object, message: str, kind: str = "value_error"
) -> ValidationFailed:
    return ValidationFailed(
        [{"loc": ["body", *location], "msg": message, "type": kind, "input": value}]
    )
