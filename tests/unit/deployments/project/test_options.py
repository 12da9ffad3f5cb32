"""Options of the command line over the file, and the schedules that come out."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest

from headrace.deployments.project.document import Document
from headrace.deployments.project.options import Options, schedules_of
from headrace.deployments.project.timing import read_schedules
from headrace.errors import ConfigurationError

NOW = datetime(2026, 1, 1, tzinfo=UTC)
FILE = Document(Path("headrace.yaml"), {}, {("deployments", 0, "schedules", 0): 7})
PLACE = ("deployments", 0, "schedules")


def timed(*schedules: dict[str, Any]) -> list[dict[str, Any]]:
    read = read_schedules(list(schedules), NOW, FILE, PLACE)
    return [msgspec.json.decode(one.schedule) for one in read]


def test_what_is_merged_and_what_is_replaced() -> None:
    """Parameters one by one, schedules added, all else replaced."""
    written = {
        "name": "d",
        "tags": ["a"],
        "parameters": {"x": 1, "y": 2},
        "work_pool": {"name": "p", "job_variables": {"env": {"A": "1"}, "image": "i"}},
        "schedule": {"cron": "0 9 * * *"},
        "concurrency_limit": 2,
    }
    merged = Options(
        fields={"tags": ["b"]},
        parameters={"y": 3},
        job_variables={"env": {"B": "2"}},
        queue="q",
        strategy="CANCEL_NEW",
        schedules=({"interval": 60},),
        timezone="Europe/Berlin",
    ).over(written)
    assert merged == {
        "name": "d",
        "tags": ["b"],
        "parameters": {"x": 1, "y": 3},
        "work_pool": {
            "name": "p",
            "work_queue_name": "q",
            "job_variables": {"env": {"B": "2"}},
        },
        "schedules": [
            {"interval": 60, "timezone": "Europe/Berlin"},
            {"cron": "0 9 * * *", "timezone": "Europe/Berlin"},
        ][::-1],
        "concurrency_limit": {"limit": 2, "collision_strategy": "CANCEL_NEW"},
    }
    assert Options().over(written) == written


def test_nothing_said_leaves_the_file_as_it_is() -> None:
    """Also where it is wrong: what is wrong is told later, with its line."""
    assert Options().over({"work_pool": 5}) == {"work_pool": 5}
    assert schedules_of({"schedules": None, "schedule": {}}) == []


def test_schedules_in_either_form() -> None:
    """Flat, or with the timing under `schedule`; empty ones are none; `active` may be a word."""
    assert timed(
        {"cron": "0 9 * * *", "day_or": "no", "timezone": None},
        {"schedule": {"interval": 60, "anchor_date": "2026-01-01T00:00:00Z"}, "active": False},
        {"rrule": "FREQ=DAILY", "anchor_date": "2026-01-01"},
        {},
    ) == [
        {"cron": "0 9 * * *", "day_or": False},
        {"interval": 60, "anchor_date": "2026-01-01T00:00:00Z"},
        {"rrule": "FREQ=DAILY"},
    ]
    (one,) = read_schedules([{"cron": "@daily", "active": "off", "slug": "s"}], NOW, FILE, PLACE)
    assert (one.active, one.slug) == (False, "s")


@pytest.mark.parametrize(
    "schedule",
    [
        {"cron": "every day"},
        {"cron": "0 9 * * *", "interval": 5},
        {"interval": 0},
        {"interval": -5},
        {"rrule": "FREQ=SOMETIMES"},
        {"cron": "0 9 * * *", "timezone": "Mars/Olympus"},
        {"corn": "0 9 * * *"},
        {"timezone": "UTC"},
        {"cron": "0 9 * * *", "active": "perhaps"},
    ],
)
def test_a_schedule_that_is_none_is_named_with_its_line(schedule: dict[str, Any]) -> None:
    """The file's line and the schedule as it is written are in the sentence."""
    with pytest.raises(ConfigurationError, match=r"headrace\.yaml, line 7: the schedule \{"):
        timed(schedule)
