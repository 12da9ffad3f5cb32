"""Moments as the store keeps them: fixed-width text in UTC, `2026-11-21T00:33:00.123456Z`.

The text sorts and compares as time does, so that it can be compared in SQL and in Python alike.
"""

from datetime import UTC, datetime, timedelta
from time import time_ns

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def now_text() -> str:
    """The present moment of this process's clock."""
    return time_text(_EPOCH + timedelta(microseconds=time_ns() // 1000))


def time_text(moment: datetime) -> str:
    """A moment as the store's text. `moment` must carry a time zone."""
    if moment.tzinfo is None:
        message = f"{moment!r} has no time zone: the store keeps moments, not wall-clock readings"
        raise ValueError(message)
    return moment.astimezone(UTC).isoformat(timespec="microseconds")[:26] + "Z"


def parse_time(text: str) -> datetime:
    """The moment, in UTC, that `time_text` made this text of."""
    return datetime.fromisoformat(text)


def shift_text(text: str, seconds: float) -> str:
    """The store's text for the moment `seconds` after (or, negative, before) `text`."""
    return time_text(parse_time(text) + timedelta(seconds=seconds))
