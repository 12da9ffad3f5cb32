"""Moments and spans as a person writes them: `90`, `15m`, `2 hours`, `2026-11-21 14:00`."""

import re
from datetime import UTC, datetime, timedelta

import click

UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}
SPAN = re.compile(
    r"\s*(\d+(?:\.\d+)?)\s*(seconds?|sec|s|minutes?|min|m|hours?|h|days?|d|weeks?|w)?\s*,?",
    re.IGNORECASE,
)


def parse_span(text: str) -> timedelta:
    """A length of time; a bare number is seconds. Several parts add up: `1h 30m`.

    Raises:
        click.UsageError: It is not a length of time.
    """
    seconds, at = 0.0, 0
    while at < len(text):
        part = SPAN.match(text, at)
        if part is None:
            message = f"{text!r} is not a length of time; write 90, 15m or '2 hours'"
            raise click.UsageError(message)
        seconds += float(part[1]) * UNITS[(part[2] or "s")[0].lower()]
        at = part.end()
    if at == 0:
        message = "a length of time is missing; write 90, 15m or '2 hours'"
        raise click.UsageError(message)
    return timedelta(seconds=seconds)


def parse_moment(text: str) -> datetime:
    """A moment in ISO form, or `in …` / a span from now; without a zone it is local time.

    Raises:
        click.UsageError: It is not a moment.
    """
    if text.lower().startswith("in "):
        return datetime.now(UTC) + parse_span(text[3:])
    if text.lower() == "now":
        return datetime.now(UTC)
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        message = f"{text!r} is not a moment; write 2026-11-21 14:00, or 'in 2 hours'"
        raise click.UsageError(message) from error
    return moment.astimezone(UTC)
