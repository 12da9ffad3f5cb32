"""Moments as fixed-width text, `2026-11-21T00:33:00.123456Z`: it sorts and compares as time does."""

from datetime import UTC, datetime, timedelta
from typing import Final, cast

import msgspec

_WIDTH: Final = 27  # characters of a moment that has microseconds


def to_text(moment: datetime) -> str:
    """The text of a moment; one without a time zone is taken as UTC."""
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    elif moment.tzinfo is not UTC:
        moment = moment.astimezone(UTC)
    # ten times as fast as `isoformat`, but without the microseconds where there are none
    text = cast("str", msgspec.to_builtins(moment))
    return text if len(text) == _WIDTH else text[:-1] + ".000000Z"


def to_datetime(text: str) -> datetime:
    """The moment that a text names; one without an offset is taken as UTC."""
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)


def now_text() -> str:
    """This process's clock."""
    return to_text(datetime.now(UTC))


def seconds_between(start: str, end: str) -> float:
    """Seconds from `start` to `end`; negative when `end` is the earlier one."""
    return (to_datetime(end) - to_datetime(start)).total_seconds()


def later(text: str, seconds: float) -> str:
    """The moment `seconds` after `text`."""
    return to_text(to_datetime(text) + timedelta(seconds=seconds))
