"""Wire objects of schedules."""

from datetime import datetime

from msgspec import UNSET, UnsetType

from headrace.wire.objects import Strict


class CronSchedule(Strict, kw_only=True):
    cron: str
    day_or: bool = True
    timezone: str | None = None


class IntervalSchedule(Strict, kw_only=True):
    anchor_date: datetime | UnsetType = UNSET
    interval: float
    timezone: str | None = None


class RRuleSchedule(Strict, kw_only=True):
    rrule: str
    timezone: str | None = "UTC"
