from datetime import UTC, datetime, timedelta, timezone
from uuid import UUID

from headrace.core.ids import new_id
from headrace.core.times import later, now_text, seconds_between, to_datetime, to_text


def test_ids_are_uuid_7_and_sort_by_the_time_they_were_made():
    """Ten thousand ids of one process are distinct, of version 7, and already in order."""
    ids = [new_id() for _ in range(10_000)]
    assert ids == sorted(set(ids))
    assert {UUID(one).version for one in ids} == {7}
    assert {UUID(one).variant for one in ids} == {"specified in RFC 4122"}


def test_an_id_tells_when_it_was_made():
    """The first 48 bits are the milliseconds since 1970."""
    milliseconds = UUID(new_id()).int >> 80
    assert abs(milliseconds / 1000 - datetime.now(UTC).timestamp()) < 5


def test_times_are_fixed_width_and_sort_as_time_does():
    """A moment without a fraction has one in its text, so that text compares as time does."""
    whole = datetime(2026, 11, 21, 0, 33, tzinfo=UTC)
    assert to_text(whole) == "2026-11-21T00:33:00.000000Z"
    assert to_text(whole) < to_text(whole + timedelta(microseconds=1))
    assert to_text(whole.astimezone(timezone(timedelta(hours=2)))) == to_text(whole)
    assert to_text(whole.replace(tzinfo=None)) == to_text(whole)
    assert to_datetime(to_text(whole)) == whole
    assert len(now_text()) == 27


def test_seconds_and_later_are_inverse():
    """What `later` adds `seconds_between` measures."""
    start = "2026-11-21T00:33:00.250000Z"
    assert seconds_between(start, later(start, 12.5)) == 12.5
    assert seconds_between(later(start, 12.5), start) == -12.5
