"""Which missed times run under each policy."""

from datetime import UTC, datetime, timedelta

import pytest

from headrace.core.misfires import Misfire, keep, next_judgement
from headrace.core.planning import MOST_MADE_UP, list_missed
from headrace.core.schedules import parse_schedule

NOW = datetime(2027, 3, 1, 12, 30, tzinfo=UTC)
HOURLY = parse_schedule({"cron": "0 * * * *"}, NOW)


def at(hour: int, minute: int = 0) -> datetime:
    return datetime(2027, 3, 1, hour, minute, tzinfo=UTC)


@pytest.mark.parametrize(
    ("misfire", "kept"),
    [
        (Misfire("skip"), []),
        (Misfire("skip", timedelta(minutes=30)), [12]),
        (Misfire("skip", timedelta(minutes=90)), [11, 12]),
        (Misfire("latest"), [12]),
        (Misfire("latest", timedelta(minutes=29)), []),
        (Misfire("all"), [10, 11, 12]),
        (Misfire("all", timedelta(hours=2)), [11, 12]),
    ],
)
def test_what_may_still_run(misfire: Misfire, kept: list[int]) -> None:
    """A policy keeps its own of the times that wait, and finds the same among those without runs."""
    expected = [at(hour) for hour in kept]
    assert keep([at(12), at(10), at(11)], NOW, misfire) == expected
    assert list_missed(HOURLY, at(9), NOW, misfire) == expected


def test_what_has_runs_is_not_made_again() -> None:
    """Only dates later than those that were planned are missing."""
    assert list_missed(HOURLY, at(11), NOW, Misfire("all")) == [at(12)]
    assert list_missed(HOURLY, at(12), NOW, Misfire("latest")) == []
    assert list_missed(HOURLY, at(20), NOW, Misfire("latest")) == []


def test_the_newest_of_very_many() -> None:
    """After a year of a schedule that is due each minute the newest hundred are made up for."""
    minutely = parse_schedule({"cron": "* * * * *"}, NOW)
    found = list_missed(minutely, NOW - timedelta(days=365), NOW, Misfire("all"))
    assert found == [NOW - timedelta(minutes=n) for n in reversed(range(MOST_MADE_UP))]


def test_a_rare_date_is_found_however_long_ago() -> None:
    """The search goes back to where planning ended."""
    yearly = parse_schedule({"cron": "0 0 1 1 *"}, NOW)
    found = list_missed(yearly, NOW - timedelta(days=3650), NOW, Misfire("latest"))
    assert found == [datetime(2027, 1, 1, tzinfo=UTC)]


def test_when_to_judge_again() -> None:
    """When a run that waits becomes too late, or the next one is due: just behind it."""
    behind = timedelta(microseconds=1)
    skip = Misfire("skip", timedelta(minutes=40))
    assert next_judgement([at(12)], at(13), skip) == at(12, 40) + behind
    assert next_judgement([], at(13), skip) == at(13) + behind
    assert next_judgement([at(12)], at(13), Misfire("latest")) == at(13) + behind


@pytest.mark.parametrize(
    ("policy", "lateness", "said"),
    [("never", None, "one of skip, latest, all; not 'never'"), ("all", -1, "this one is -1")],
)
def test_a_policy_that_is_none(policy: str, lateness: float | None, said: str) -> None:
    """It is refused with what there is."""
    with pytest.raises(ValueError, match=said):
        Misfire(policy, lateness)  # pyright: ignore[reportArgumentType]  # what a user may write


def test_lateness_in_seconds() -> None:
    """A number means seconds."""
    given = Misfire("all", 90)  # pyright: ignore[reportArgumentType]  # what a user may write
    assert given == Misfire("all", timedelta(seconds=90))
