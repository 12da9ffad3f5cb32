"""How far ahead runs are planned, and that looking again only when told misses nothing."""

from datetime import UTC, datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from headrace.core.planning import LONGEST_SLEEP, Horizon, plan
from headrace.core.schedules import dates, parse_schedule

NOW = datetime(2027, 3, 1, 12, 0, tzinfo=UTC)


def every(seconds):
    return parse_schedule({"interval": seconds, "anchor_date": "2027-01-01T00:00:00Z"}, NOW)


def test_a_daily_schedule_has_three_runs():
    """Far dates: as many as the least number, looked at again when the first of them passes."""
    planned = plan(every(86400), NOW, Horizon())
    assert [date.day for date in planned.dates] == [2, 3, 4]
    assert planned.look_again == planned.dates[0] + timedelta(microseconds=1)


def test_a_minutely_schedule_has_an_hour():
    """Near dates: all of the window, both ends included."""
    planned = plan(every(60), NOW, Horizon())
    assert len(planned.dates) == 61
    assert planned.dates[0] == NOW
    assert NOW < planned.look_again <= NOW + timedelta(minutes=1)


def test_bounds():
    """Never more than the bound, the schedule's own one included; nothing beyond the last date."""
    assert len(plan(every(1), NOW, Horizon()).dates) == 100
    assert len(plan(every(60), NOW, Horizon(), max_runs=2).dates) == 2
    assert plan(every(86400 * 365), NOW, Horizon()).dates == ()
    assert plan(every(86400 * 365), NOW, Horizon()).look_again == NOW + LONGEST_SLEEP


@settings(max_examples=60)
@given(st.integers(20, 200_000), st.integers(1, 5), st.integers(2, 8))
def test_looking_again_when_told_is_enough(seconds, min_runs, own):
    """Every date has its run before it comes."""
    horizon = Horizon(min_runs=min_runs, max_runs=10)
    schedule = every(seconds)
    stored, moment = set(), NOW
    for _ in range(25):
        planned = plan(schedule, moment, horizon, own)
        stored |= set(planned.dates)
        before, moment = moment, planned.look_again
        assert before < moment <= before + LONGEST_SLEEP
        assert set(dates(schedule, NOW, 10_000, moment)) <= stored
