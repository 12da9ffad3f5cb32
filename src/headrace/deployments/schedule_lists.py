"""From the many ways to say when, to the schedules that the API takes."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, TypeGuard, cast

import msgspec

from headrace.core.misfires import Policy
from headrace.errors import ConfigurationError
from headrace.schedules import Cron, Interval, Misfire, RRule, Schedule
from headrace.wire.deployments import DeploymentScheduleCreate
from headrace.wire.misfires import MisfireOptions

Seconds = timedelta | float
_ABOUT = frozenset({"active", "misfire", "parameters", "slug"})


def list_schedules(
    *,
    interval: Seconds | Iterable[Seconds] | None = None,
    cron: str | Iterable[str] | None = None,
    rrule: str | Iterable[str] | None = None,
    schedule: Schedule | None = None,
    schedules: Iterable[Schedule | Mapping[str, Any]] | None = None,
    misfire: Misfire | Policy | None = None,
) -> list[DeploymentScheduleCreate]:
    """The schedules of a deployment; `misfire` is meant for those that name none.

    Raises:
        ConfigurationError: More than one way was used, or a value is not a schedule.
    """
    given = {
        "interval": interval,
        "cron": cron,
        "rrule": rrule,
        "schedule": schedule,
        "schedules": schedules,
    }
    used = [name for name, value in given.items() if value is not None]
    if len(used) > 1:
        message = (
            f"say when in one way: {' and '.join(used)} are given; use `schedules` for several"
        )
        raise ConfigurationError(message)
    try:
        return [
            as_wire(replace(one, misfire=one.misfire or misfire) if misfire else one)
            for one in _all(given)
        ]
    except (TypeError, ValueError) as error:
        message = f"the schedule cannot be used: {error}"
        raise ConfigurationError(message) from None


def _all(given: dict[str, Any]) -> list[Schedule]:
    if given["interval"] is not None:
        value = given["interval"]
        values = [value] if _is_length(value) else list(value)
        return [Interval(one) for one in values]
    for name, make in (("cron", Cron), ("rrule", RRule)):
        value = given[name]
        if value is not None:
            values = [value] if isinstance(value, str) else list(value)
            return [make(one) for one in values]
    if given["schedule"] is not None:
        return [as_schedule(given["schedule"])]
    several = cast("Iterable[object]", given["schedules"] or [])
    return [as_schedule(one) for one in several]


def _is_length(value: object) -> TypeGuard[Seconds]:
    return isinstance(value, int | float | timedelta)


def as_schedule(value: object) -> Schedule:
    """A schedule out of one, or of the mapping that a deployment file has."""
    if isinstance(value, Schedule):
        return value
    if not isinstance(value, Mapping):
        message = f"{value!r} is neither a Schedule nor a mapping"
        raise TypeError(message)
    fields = {str(k): v for k, v in cast("Mapping[object, Any]", value).items()}
    inner = fields.pop("schedule", None)
    if isinstance(inner, Schedule):
        return _changed(inner, fields)
    if isinstance(inner, Mapping):
        fields = {**{str(k): v for k, v in cast("Mapping[object, Any]", inner).items()}, **fields}
    interval = fields.get("interval")
    if _is_length(interval) and not isinstance(interval, timedelta):
        fields["interval"] = timedelta(seconds=interval)
    anchor = fields.get("anchor_date")
    if isinstance(anchor, str):
        fields["anchor_date"] = datetime.fromisoformat(anchor)
    misfire = fields.get("misfire")
    if isinstance(misfire, Mapping):
        fields["misfire"] = Misfire(**cast("Mapping[str, Any]", misfire))
    return Schedule(**fields)


def _changed(schedule: Schedule, fields: dict[str, Any]) -> Schedule:
    unknown = fields.keys() - _ABOUT
    if unknown:
        message = f"a schedule has no {sorted(unknown)}"
        raise TypeError(message)
    values = {name: getattr(schedule, name) for name in Schedule.__slots__}
    return Schedule(**{**values, **fields})


def as_wire(schedule: Schedule) -> DeploymentScheduleCreate:
    """The form of the wire."""
    body: dict[str, object]
    if schedule.cron is not None:
        body = {
            "cron": schedule.cron,
            "timezone": schedule.timezone,
            "day_or": schedule.day_or,
        }
    elif schedule.rrule is not None:
        body = {"rrule": schedule.rrule, "timezone": schedule.timezone or "UTC"}
    else:
        assert schedule.interval is not None, "the class sees to it"
        body = {"interval": schedule.interval.total_seconds(), "timezone": schedule.timezone}
        if schedule.anchor_date is not None:
            body["anchor_date"] = schedule.anchor_date.isoformat()
    return DeploymentScheduleCreate(
        schedule=msgspec.Raw(msgspec.json.encode(body)),
        active=schedule.active,
        parameters=dict(schedule.parameters),
        slug=schedule.slug,
        misfire=MisfireOptions.of(schedule.misfire) if schedule.misfire else msgspec.UNSET,
    )
