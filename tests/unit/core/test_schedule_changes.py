"""Redeploying: what is still wanted keeps its id and its pause."""

from itertools import count

import pytest

from headrace.core.schedule_changes import StoredSchedule, WantedSchedule, reconcile, same_dates

OLD, NOW = "2027-01-01T00:00:00.000000Z", "2027-02-01T00:00:00.000000Z"


def cron(text):
    return {"cron": text, "timezone": None, "day_or": True}


def every(seconds, anchor="2027-01-01T00:00:00Z"):
    return {"interval": float(seconds), "anchor_date": anchor, "timezone": "UTC"}


def stored(key, schedule, *, slug=None, active=True, parameters=None):
    return StoredSchedule(key, schedule, active, None, parameters or {}, slug, OLD, OLD)


def change(before, wanted):
    numbers = count(1)
    return reconcile(before, wanted, NOW, lambda: f"new{next(numbers)}")


def test_nothing_changed():
    """The same schedules keep ids, pauses and times of change."""
    before = [stored("a", cron("0 1 * * *"), active=False), stored("b", every(60))]
    changes = change(before, [WantedSchedule(every(60)), WantedSchedule(cron("0 1 * * *"))])
    assert changes.result == (before[1], before[0])
    assert (changes.added, changes.altered, changes.dropped) == ((), (), ())


def test_a_paused_schedule_stays_paused_when_changed():
    """A new time under the same slug plans anew, and a pause holds."""
    before = [stored("a", cron("0 1 * * *"), slug="night", active=False)]
    changes = change(before, [WantedSchedule(cron("0 2 * * *"), slug="night")])
    (made,) = changes.altered
    assert (made.id, made.active, made.schedule, made.updated) == (
        "a",
        False,
        cron("0 2 * * *"),
        NOW,
    )


def test_replaces():
    """A schedule can be renamed: its place is taken, its id stays."""
    before = [stored("a", cron("0 1 * * *"), slug="old"), stored("b", cron("0 3 * * *"), slug="x")]
    changes = change(before, [WantedSchedule(cron("0 1 * * *"), slug="new", replaces="old")])
    assert [(one.id, one.slug) for one in changes.kept] == [("a", "new")]
    assert changes.dropped == ("b",)


def test_added_and_dropped():
    """What is new is added, what is not wanted any more is dropped."""
    changes = change(
        [stored("a", cron("0 1 * * *"))], [WantedSchedule(cron("0 9 * * *"), active=False)]
    )
    assert [(one.id, one.active) for one in changes.added] == [("new1", False)]
    assert changes.dropped == ("a",)


def test_twice_the_same():
    """Two equal schedules without slugs stay two."""
    before = [stored("a", every(60), parameters={"x": 1}), stored("b", every(60))]
    changes = change(before, [WantedSchedule(every(60)), WantedSchedule(every(60))])
    assert {one.id for one in changes.result} == {"a", "b"}


def test_other_parameters_plan_anew():
    """Runs already made have the old parameters."""
    changes = change([stored("a", every(60))], [WantedSchedule(every(60), parameters={"x": 2})])
    assert [one.id for one in changes.altered] == ["a"]


def test_partial_change():
    """Without a time of its own, a wanted one changes the stored one of its slug."""
    before = [stored("a", every(60), slug="s", parameters={"x": 1})]
    changes = change(before, [WantedSchedule(None, active=False, parameters=None, slug="s")])
    (made,) = changes.altered
    assert (made.active, made.schedule, made.parameters) == (False, every(60), {"x": 1})
    with pytest.raises(ValueError, match="does not say when"):
        change(before, [WantedSchedule(None, slug="other")])


def test_one_slug_twice():
    """A slug names one schedule."""
    with pytest.raises(ValueError, match="'s'"):
        change([], [WantedSchedule(every(1), slug="s"), WantedSchedule(every(2), slug="s")])


def test_same_dates():
    """Anchors may differ by whole intervals: clients anchor an interval at the time of deploying."""
    assert same_dates(every(60), every(60, "2027-06-01T10:31:00+00:00"))
    assert not same_dates(every(60), every(60, "2027-06-01T10:31:07Z"))
    assert not same_dates(every(60), every(30))
    assert not same_dates(every(60), cron("* * * * *"))
