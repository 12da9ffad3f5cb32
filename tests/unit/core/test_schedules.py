# ruff: noqa: DTZ001, E501  # wall-clock times have no zone; rows of tables stay on one line
"""Schedules: what is due when, also on the days when the clock jumps, and what is refused."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from croniter import croniter
from cronsim import CronSim
from hypothesis import given, settings
from hypothesis import strategies as st

from headrace.core.cron import parse_cron, times
from headrace.core.schedules import dates, parse_schedule
from headrace.errors import ValidationFailed

NOW = datetime(2027, 1, 1, tzinfo=UTC)
NEW_YORK = "America/New_York"
ZONES = (
    NEW_YORK,
    "Europe/London",
    "Australia/Lord_Howe",
    "Asia/Kolkata",
    "America/Sao_Paulo",
    "UTC",
)


def due(schedule, after, limit=6):
    """Due times as day, hour and minute in UTC, strictly after `after`."""
    moment = datetime.fromisoformat(after)
    return [
        f"{date:%d %H:%M}" for date in dates(parse_schedule(schedule, NOW), moment, limit)
    ]  # fmt: skip


TABLE = [
    # New York skips 02:00-03:00 on 14 March 2027: the end of the gap is 07:00Z.
    ({"cron": "30 2 * * *"}, "2027-03-13T00:00Z", ["13 07:30", "14 07:00", "15 06:30"]),
    ({"cron": "0 2,3 * * *"}, "2027-03-14T00:00Z", ["14 07:00", "15 06:00", "15 07:00"]),
    ({"cron": "*/30 * * * *"}, "2027-03-14T06:15Z", ["14 06:30", "14 07:00", "14 07:30"]),
    ({"cron": "15 * * * *"}, "2027-03-14T06:00Z", ["14 06:15", "14 07:15", "14 08:15"]),
    ({"rrule": "FREQ=DAILY;BYHOUR=2;BYMINUTE=30"}, "2027-03-14T00:00Z", ["14 07:00", "15 06:30"]),
    ({"rrule": "FREQ=HOURLY;BYMINUTE=15"}, "2027-03-14T06:00Z", ["14 06:15", "14 07:15"]),
    # It shows 01:00-02:00 twice on 7 November 2027: first from 05:00Z, again from 06:00Z.
    ({"cron": "30 1 * * *"}, "2027-11-07T00:00Z", ["07 05:30", "08 06:30"]),
    ({"cron": "*/30 1 * * *"}, "2027-11-07T00:00Z", ["07 05:00", "07 05:30", "08 06:00"]),
    ({"cron": "*/30 * * * *"}, "2027-11-07T05:00Z", ["07 05:30", "07 06:00", "07 06:30", "07 07:00"]),
    ({"cron": "*/30 * * * *"}, "2027-11-07T06:00Z", ["07 06:30", "07 07:00"]),
    ({"rrule": "FREQ=DAILY;BYHOUR=1;BYMINUTE=30"}, "2027-11-07T00:00Z", ["07 05:30", "08 06:30"]),
    ({"rrule": "FREQ=MINUTELY;INTERVAL=30"}, "2027-11-07T05:00Z", ["07 05:30", "07 06:00", "07 06:30"]),
    # A day or more keeps its time on the wall, 02:30 here; less is elapsed time.
    ({"interval": 86400, "anchor_date": "2027-01-01T07:30Z"}, "2027-03-13T00:00Z", ["13 07:30", "14 07:00", "15 06:30"]),
    ({"interval": 86400, "anchor_date": "2027-01-01T06:30Z"}, "2027-11-06T00:00Z", ["06 05:30", "07 05:30", "08 06:30"]),
    ({"interval": 43200, "anchor_date": "2027-03-12T06:30Z"}, "2027-03-14T00:00Z", ["14 06:30", "14 18:30", "15 06:30"]),
    ({"interval": 604800, "anchor_date": "2027-06-01T12:00Z"}, "2027-03-01T00:00Z", ["02 13:00", "09 13:00", "16 12:00"]),
]  # fmt: skip


@pytest.mark.parametrize(("schedule", "after", "expected"), TABLE)
def test_clock_changes(schedule, after, expected):
    """Named times happen once a day; what runs every hour keeps its pace."""
    assert due(schedule | {"timezone": NEW_YORK}, after, len(expected)) == expected


UTC_TABLE = [
    ({"cron": "0 0 * * *"}, "2027-03-12T00:00Z", ["13 00:00", "14 00:00"]),
    ({"cron": "0 9 1 * 1"}, "2027-01-01T10:00Z", ["04 09:00", "11 09:00", "18 09:00", "25 09:00", "01 09:00"]),
    ({"cron": "0 9 1 * 1", "day_or": False}, "2027-01-01T10:00Z", ["01 09:00", "01 09:00"]),
    ({"cron": "0 0 29 2 *"}, "2027-01-01T10:00Z", ["29 00:00", "29 00:00"]),
    ({"cron": "@daily", "timezone": "Asia/Kolkata"}, "2027-01-01T00:00Z", ["01 18:30"]),
    ({"rrule": "FREQ=DAILY"}, "2027-03-12T00:00Z", ["13 00:00"]),
    ({"rrule": "DTSTART:20270312T050000\nRRULE:FREQ=DAILY;COUNT=2\nRDATE:20270320T060000"}, "2027-03-12T00:00Z", ["12 05:00", "13 05:00", "20 06:00"]),
    ({"rrule": "DTSTART:20270312T050000\nRRULE:FREQ=DAILY;COUNT=3\nEXDATE:20270313T050000"}, "2027-03-12T00:00Z", ["12 05:00", "14 05:00"]),
    ({"rrule": "DTSTART:20270312T050000\nRRULE:FREQ=DAILY;COUNT=3\nEXRULE:FREQ=DAILY;INTERVAL=2"}, "2027-03-12T00:00Z", ["13 05:00"]),
    ({"rrule": "DTSTART:20270312T050000\nRRULE:FREQ=DAILY;UNTIL=20270313T100000Z", "timezone": NEW_YORK}, "2027-03-12T00:00Z", ["12 10:00", "13 10:00"]),
    ({"rrule": "DTSTART;TZID=Europe/Berlin:20270312T050000\nRRULE:FREQ=DAILY;COUNT=1", "timezone": NEW_YORK}, "2027-03-12T00:00Z", ["12 10:00"]),
    ({"rrule": "FREQ=DAILY;COUNT=3"}, "2027-03-12T00:00Z", []),
    ({"rrule": "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=29"}, "2027-03-12T00:00Z", ["29 00:00", "29 00:00"]),
    ({"rrule": "DTSTART:20240229T000000\nFREQ=YEARLY"}, "2027-03-12T00:00Z", ["29 00:00"]),
    ({"rrule": "FREQ=DAILY\nEXRULE:FREQ=DAILY"}, "2027-03-12T00:00Z", []),
    ({"rrule": "FREQ=SECONDLY;COUNT=2;BYMONTH=1;BYMONTHDAY=2"}, "2019-03-12T00:00Z", ["02 00:00", "02 00:00"]),
    ({"rrule": "FREQ=MONTHLY;BYDAY=-1FR;BYHOUR=17"}, "2027-03-12T00:00Z", ["26 17:00", "30 17:00"]),
    ({"interval": "PT1H30M", "anchor_date": "2027-03-12T00:00:00"}, "2027-03-12T00:00Z", ["12 01:30", "12 03:00"]),
]  # fmt: skip


@pytest.mark.parametrize(("schedule", "after", "expected"), UTC_TABLE)
def test_kinds(schedule, after, expected):
    """Each kind of schedule is due when its own rules say."""
    assert due(schedule, after, len(expected) or 1) == expected


BAD = [
    ({"cron": "61 * * * *"}, ["cron"], "minute takes 0 to 59, not '61'"),
    ({"cron": "* * * *"}, ["cron"], "has 4 fields"),
    ({"cron": "@reboot"}, ["cron"], "has 1 fields"),
    ({"cron": "0 0 31 2 *"}, ["cron"], "never comes"),
    ({"cron": "*/0 * * * *"}, ["cron"], "step 0"),
    ({"cron": "0 0 * * *", "timezone": "Mars/X"}, ["timezone"], "'Mars/X'"),
    ({"cron": "0 0 * * *", "timezone": "../etc"}, ["timezone"], "'../etc'"),
    ({"cron": "0 0 * * *", "day_or": "x"}, ["day_or"], "true or false"),
    ({"cron": "0 0 * * *", "extra": 1}, ["extra"], "not extra"),
    ({"cron": "0 0 * * *", "interval": 3}, [], "cron and interval"),
    ({}, [], "none of them"),
    ([], [], "is an object"),
    ({"interval": 0}, ["interval"], "positive"),
    ({"interval": "soon"}, ["interval"], "positive"),
    ({"interval": 1e300}, ["interval"], "positive"),
    ({"interval": True}, ["interval"], "positive"),
    ({"interval": 60, "anchor_date": "x"}, ["anchor_date"], "2027-01-31"),
    ({"rrule": "nonsense"}, ["rrule"], "NAME=VALUE"),
    ({"rrule": "FREQ=NEVER"}, ["rrule"], "needs FREQ"),
    ({"rrule": "FREQ=DAILY;BYHOUR=x"}, ["rrule"], "cannot be read"),
    ({"rrule": "FREQ=DAILY;INTERVAL=0"}, ["rrule"], "INTERVAL is a whole number"),
    ({"rrule": "FREQ=DAILY;UNTIL=soon"}, ["rrule"], "UNTIL is a time"),
    ({"rrule": "SUMMARY:x\nFREQ=DAILY"}, ["rrule"], "'SUMMARY'"),
    ({"rrule": "FREQ=DAILY;BYMONTH=2;BYMONTHDAY=31"}, ["rrule"], "never comes"),
    ({"rrule": "FREQ=SECONDLY;BYMONTH=2;BYMONTHDAY=30"}, ["rrule"], "never comes"),
    ({"rrule": "FREQ=MONTHLY;BYDAY=5MO;BYMONTHDAY=1"}, ["rrule"], "never comes"),
    ({"rrule": "FREQ=DAILY;COUNT=1000000"}, ["rrule"], "COUNT is a whole number"),
    ({"rrule": "DTSTART:20270101T000000"}, ["rrule"], "neither"),
]


@pytest.mark.parametrize(("schedule", "field", "words"), BAD)
def test_refusals(schedule, field, words):
    """A bad schedule is one error that names the field and the value."""
    with pytest.raises(ValidationFailed) as refused:
        parse_schedule(schedule, NOW, ("schedules", 0, "schedule"))
    (error,) = refused.value.errors
    assert error["loc"] == ["body", "schedules", 0, "schedule", *field]
    assert words in str(error["msg"])


def test_completion():
    """What the client left out is filled in, so that it is the same tomorrow."""
    assert parse_schedule({"interval": 60}, NOW).to_json() == {
        "interval": 60.0,
        "anchor_date": "2027-01-01T00:00:00Z",
        "timezone": "UTC",
    }
    assert parse_schedule({"rrule": "FREQ=DAILY"}, NOW).to_json() == {
        "rrule": "DTSTART:20200101T000000\nFREQ=DAILY",
        "timezone": "UTC",
    }
    assert parse_schedule({"cron": "@daily"}, NOW).to_json() == {
        "cron": "@daily",
        "timezone": None,
        "day_or": True,
    }


def _field(low, high):
    number = st.integers(low, high)
    # croniter takes a range from a value to itself for the whole: not compared
    pairs = st.tuples(number, number).filter(lambda pair: pair[0] != pair[1])
    spans = pairs.map(lambda pair: f"{min(pair)}-{max(pair)}")
    return st.one_of(
        st.just("*"),
        st.integers(2, 10).map(lambda step: f"*/{step}"),
        number.map(str),
        spans,
        st.tuples(spans, st.integers(1, 4)).map(lambda pair: f"{pair[0]}/{pair[1]}"),
        st.lists(number, min_size=1, max_size=4).map(lambda some: ",".join(map(str, some))),
    )


EXPRESSIONS = st.tuples(
    _field(0, 59), _field(0, 23), _field(1, 28), _field(1, 12), _field(0, 6)
).map(" ".join)
MOMENTS = st.datetimes(datetime(2020, 1, 1), datetime(2035, 1, 1))


@settings(max_examples=60)
@given(EXPRESSIONS, MOMENTS, st.booleans())
def test_cron_agrees_with_a_second_library(expression, after, day_or):
    """Without clock changes our cron names the same times as croniter."""
    theirs = croniter(expression, after.replace(tzinfo=UTC), day_or=day_or)
    expected = [theirs.get_next(datetime).replace(tzinfo=None) for _ in range(3)]
    found = times(parse_cron(expression, day_or=day_or), after)
    assert [next(found) for _ in range(3)] == expected


EXTENDED = ["0 0 L * *", "0 0 * * 5#2", "0 0 * * L5", "0 22-2 * * *", "0 0 * * MON-FRI", "0 0 1,L * *",
            "0 0 * JAN-MAR 7", "5/15 * * * *", "* * * * * */20", "0 0 * * 6-1", "0 0 29 2 1", "0 0 ? * 3",
            "0 0 2 * 0-6", "0 0 */2 * 0-6", "0 0 */2 * */2", "0 0 1-31 * 3", "0 0 */1 * 3"]  # fmt: skip


@pytest.mark.parametrize("expression", EXTENDED)
def test_extended_cron_agrees_with_a_second_library(expression):
    """`L`, `#`, names, seconds and ranges over the end mean what croniter means by them."""
    after = datetime(2027, 3, 12, 0, 0, 1)
    theirs = croniter(expression, after.replace(tzinfo=UTC))
    expected = [theirs.get_next(datetime).replace(tzinfo=None) for _ in range(5)]
    found = times(parse_cron(expression), after)
    assert [next(found) for _ in range(5)] == expected


@settings(max_examples=25)
@given(st.sampled_from(ZONES), st.integers(0, 23), st.integers(0, 59), MOMENTS)
def test_a_named_time_agrees_with_a_second_library(zone, hour, minute, after):
    """A daily time is due when cronsim, which follows Debian's cron, says, in every zone."""
    start = after.replace(tzinfo=UTC)
    theirs = CronSim(f"{minute} {hour} * * *", start.astimezone(ZoneInfo(zone)))
    expected = [next(theirs).astimezone(UTC) for _ in range(200)]
    schedule = parse_schedule({"cron": f"{minute} {hour} * * *", "timezone": zone}, NOW)
    assert dates(schedule, start, 200) == expected


SCHEDULES = st.one_of(
    st.tuples(EXPRESSIONS, st.sampled_from(ZONES)).map(lambda p: {"cron": p[0], "timezone": p[1]}),
    st.tuples(st.integers(600, 10**6), st.sampled_from(ZONES)).map(
        lambda pair: {"interval": pair[0], "timezone": pair[1]}
    ),
    st.tuples(
        st.sampled_from(["MINUTELY;INTERVAL=7", "HOURLY", "DAILY;BYHOUR=1,2,3", "WEEKLY;BYDAY=SU", "MONTHLY"]),
        st.sampled_from(ZONES),
    ).map(lambda pair: {"rrule": f"FREQ={pair[0]}", "timezone": pair[1]}),
)  # fmt: skip


@settings(max_examples=60)
@given(SCHEDULES, MOMENTS, st.integers(1, 60))
def test_dates_in_slices(value, after, cut):
    """Asking again from the last date gives the same dates as asking once: nothing lost or twice."""
    schedule = parse_schedule(value, NOW)
    whole = dates(schedule, after.replace(tzinfo=UTC), 61)
    head = whole[:cut]
    assert head + dates(schedule, head[-1], 61 - cut) == whole
    assert whole == sorted(set(whole))
    assert dates(schedule, after.replace(tzinfo=UTC), 61, head[-1]) == head


def test_the_end_of_time():
    """Dates far ahead end quietly."""
    far = datetime(9998, 12, 31, 23, 59, tzinfo=UTC)
    for value in ({"cron": "* * * * *"}, {"interval": 86400}, {"interval": 60}):
        assert len(dates(parse_schedule(value, NOW), far, 3, far + timedelta(days=1))) <= 3
