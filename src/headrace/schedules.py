"""When a deployment runs by itself: cron expressions, intervals and recurrence rules."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from headrace.core.misfires import Misfire, Policy

__all__ = ["Cron", "Interval", "Misfire", "RRule", "Schedule"]


@dataclass(frozen=True, slots=True)
class Schedule:
    """One schedule of a deployment. Exactly one of `interval`, `cron` and `rrule` is given.

    Args:
        interval: Time between runs.
        cron: A cron expression.
        rrule: A recurrence rule of RFC 5545.
        timezone: An IANA name; wall-clock times are meant there. None is UTC.
        anchor_date: The moment that intervals are counted from; None is when it was made.
        day_or: Whether a cron's day of month and day of week are joined by "or".
        active: Whether it makes runs now.
        parameters: Of the runs that it makes, over the deployment's own.
        slug: A name for it that stays when the deployment is deployed again.
        misfire: What becomes of times that passed unused: `skip`, `latest`, `all`, or a `Misfire`
            with a maximum lateness. Without one, runs that were planned run late.

    Raises:
        ValueError: None, or more than one, of the three is given, or the interval is not positive.
    """

    interval: timedelta | None = None
    cron: str | None = None
    rrule: str | None = None
    timezone: str | None = None
    anchor_date: datetime | None = None
    day_or: bool = True
    active: bool = True
    parameters: dict[str, Any] = field(default_factory=dict[str, Any])
    slug: str | None = None
    misfire: Misfire | Policy | None = None

    def __post_init__(self) -> None:
        given = [n for n in ("interval", "cron", "rrule") if getattr(self, n) is not None]
        if len(given) != 1:
            message = (
                f"a schedule has one of interval, cron and rrule; this one has {given or 'none'}"
            )
            raise ValueError(message)
        if self.interval is not None and self.interval <= timedelta(0):
            message = f"a schedule's interval must be longer than nothing; it is {self.interval}"
            raise ValueError(message)
        if isinstance(self.misfire, str):
            Misfire(self.misfire)  # refuses what is no policy


def Cron(  # noqa: N802  # the contract's name
    cron: str,
    /,
    timezone: str | None = None,
    *,
    day_or: bool = True,
    active: bool = True,
    parameters: dict[str, Any] | None = None,
    slug: str | None = None,
    misfire: Misfire | Policy | None = None,
) -> Schedule:
    """A schedule by a cron expression; arguments as of `Schedule`."""
    return Schedule(
        cron=cron,
        timezone=timezone,
        day_or=day_or,
        active=active,
        parameters=parameters or {},
        slug=slug,
        misfire=misfire,
    )


def Interval(  # noqa: N802  # the contract's name
    interval: timedelta | float,
    /,
    anchor_date: datetime | None = None,
    timezone: str | None = None,
    *,
    active: bool = True,
    parameters: dict[str, Any] | None = None,
    slug: str | None = None,
    misfire: Misfire | Policy | None = None,
) -> Schedule:
    """A schedule by an interval, a `timedelta` or seconds; arguments as of `Schedule`."""
    length = interval if isinstance(interval, timedelta) else timedelta(seconds=interval)
    return Schedule(
        interval=length,
        anchor_date=anchor_date,
        timezone=timezone,
        active=active,
        parameters=parameters or {},
        slug=slug,
        misfire=misfire,
    )


def RRule(  # noqa: N802  # the contract's name
    rrule: str,
    /,
    timezone: str | None = None,
    *,
    active: bool = True,
    parameters: dict[str, Any] | None = None,
    slug: str | None = None,
    misfire: Misfire | Policy | None = None,
) -> Schedule:
    """A schedule by a recurrence rule; arguments as of `Schedule`."""
    return Schedule(
        rrule=rrule,
        timezone=timezone,
        active=active,
        parameters=parameters or {},
        slug=slug,
        misfire=misfire,
    )
