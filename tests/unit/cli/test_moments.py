"""Moments and lengths of time as a person writes them."""

from datetime import UTC, datetime, timedelta

import click
import pytest

from headrace.cli.moments import parse_moment, parse_span


@pytest.mark.parametrize(
    ("text", "span"),
    [
        ("90", timedelta(seconds=90)),
        ("15m", timedelta(minutes=15)),
        ("2 hours", timedelta(hours=2)),
        ("1h 30m", timedelta(hours=1, minutes=30)),
        ("1.5 days", timedelta(days=1.5)),
        ("1 week", timedelta(weeks=1)),
    ],
)
def test_spans(text: str, span: timedelta) -> None:
    """A number with a unit; parts add up; a bare number is seconds."""
    assert parse_span(text) == span


@pytest.mark.parametrize("text", ["", "soon", "5 parsecs", "m5", "-3m"])
def test_what_is_no_span_is_refused(text: str) -> None:
    """One line says what was wrong and how to write it."""
    with pytest.raises(click.UsageError, match="length of time"):
        parse_span(text)


def test_moments() -> None:
    """ISO with a zone is taken as it is; `in …` counts from now."""
    assert parse_moment("2026-11-21T14:00:00+02:00") == datetime(2026, 11, 21, 12, tzinfo=UTC)
    ahead = parse_moment("in 10 minutes") - datetime.now(UTC)
    assert timedelta(minutes=9) < ahead < timedelta(minutes=11)
    with pytest.raises(click.UsageError, match="not a moment"):
        parse_moment("yesterday-ish")
