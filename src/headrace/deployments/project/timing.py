"""The schedules of a deployment file, in the forms that it may have them, as the API takes them."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, cast

import msgspec

from headrace.core.schedules import parse_schedule
from headrace.deployments.project.document import Document, Place
from headrace.errors import ConfigurationError, ValidationFailed
from headrace.wire.decode import decode, encode
from headrace.wire.deployments import DeploymentScheduleCreate

KINDS = ("cron", "interval", "rrule")
_WHEN = frozenset({*KINDS, "anchor_date", "day_or", "timezone"})
_ABOUT = frozenset({"active", "max_scheduled_runs", "misfire", "parameters", "replaces", "slug"})


def read_schedules(
    given: list[Mapping[str, Any]], now: datetime, document: Document, place: Place
) -> list[DeploymentScheduleCreate]:
    """The schedules that mappings describe; an empty mapping is none.

    Args:
        given: Each either flat (`cron: …`) or with the timing under `schedule`.
        now: What intervals are counted from where nothing else is said.
        document: The file, for messages.
        place: Where in it the list is.

    Raises:
        ConfigurationError: One is none, or its time cannot be understood; names it and its line.
    """
    made: list[DeploymentScheduleCreate] = []
    for index, one in enumerate(given):
        fields = _flat(one)
        if not fields:
            continue
        try:
            made.append(_read(fields, now))
        except ValidationFailed as error:
            said = "; ".join(str(fault["msg"]) for fault in error.errors)
            shown = encode(dict(one)).decode()
            message = f"{document.where((*place, index))}: the schedule {shown} is none: {said}"
            raise ConfigurationError(message) from None
    return made


def _flat(given: Mapping[str, Any]) -> dict[str, Any]:
    inner = given.get("schedule")
    fields = {name: value for name, value in given.items() if name != "schedule"}
    if isinstance(inner, Mapping):
        fields |= cast("Mapping[str, Any]", inner)
    return {name: value for name, value in fields.items() if value is not None}


def _read(fields: dict[str, Any], now: datetime) -> DeploymentScheduleCreate:
    unknown = sorted(fields.keys() - _WHEN - _ABOUT)
    if unknown:
        raise _fault(f"a schedule has no {', '.join(unknown)}")
    kinds = [kind for kind in KINDS if kind in fields]
    if len(kinds) != 1:
        raise _fault(
            f"it needs one of cron, interval and rrule, and has {' and '.join(kinds) or 'none'}"
        )
    if kinds == ["interval"] and not fields["interval"]:
        raise _fault("an interval must be longer than nothing")
    # `timezone` and the others of another kind of schedule may be there: one list of defaults for all.
    when = {name: fields[name] for name in (*kinds, *_OF_KIND[kinds[0]]) if name in fields}
    if kinds == ["cron"] and isinstance(when.get("day_or"), str):
        when["day_or"] = _as_flag(when["day_or"])
    parse_schedule(when, now)
    about = {name: fields[name] for name in _ABOUT if name in fields}
    if isinstance(about.get("misfire"), str):
        about["misfire"] = {"policy": about["misfire"]}
    return decode(DeploymentScheduleCreate, encode({**about, "schedule": when}))


_OF_KIND = {
    "cron": ("day_or", "timezone"),
    "interval": ("anchor_date", "timezone"),
    "rrule": ("timezone",),
}


def _as_flag(text: str) -> bool:
    return decode(bool, msgspec.json.encode(text))


def _fault(message: str) -> ValidationFailed:
    return ValidationFailed([{"loc": [], "msg": message, "type": "value_error"}])
