import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest

from headrace import flow
from headrace.deployments import RunnerDeployment, serve
from headrace.deployments.printing import Row, table
from headrace.deployments.schedule_lists import list_schedules
from headrace.errors import ConfigurationError, NotImplementedYet
from headrace.schedules import Cron, Interval, RRule, Schedule


@flow(description="d", version="v1")
def load(day: str = "today"):
    pass


def wire(**given: Any) -> list[dict[str, Any]]:
    return [json.loads(bytes(one.schedule)) for one in list_schedules(**given)]


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({}, []),
        ({"interval": 60}, [{"interval": 60.0, "timezone": None}]),
        ({"interval": timedelta(hours=1)}, [{"interval": 3600.0, "timezone": None}]),
        ({"interval": [1, 2]}, [{"interval": n, "timezone": None} for n in (1.0, 2.0)]),
        ({"cron": "0 0 * * *"}, [{"cron": "0 0 * * *", "timezone": None, "day_or": True}]),
        ({"rrule": "FREQ=DAILY"}, [{"rrule": "FREQ=DAILY", "timezone": "UTC"}]),
        (
            {"schedule": Cron("0 0 * * *", timezone="Europe/Berlin")},
            [{"cron": "0 0 * * *", "timezone": "Europe/Berlin", "day_or": True}],
        ),
        (
            {"schedules": [{"cron": "1 0 * * *"}, RRule("FREQ=DAILY"), {"interval": 5}]},
            [
                {"cron": "1 0 * * *", "timezone": None, "day_or": True},
                {"rrule": "FREQ=DAILY", "timezone": "UTC"},
                {"interval": 5.0, "timezone": None},
            ],
        ),
        (
            {"schedule": Interval(5, anchor_date=datetime(2026, 1, 1, tzinfo=UTC))},
            [{"interval": 5.0, "timezone": None, "anchor_date": "2026-01-01T00:00:00+00:00"}],
        ),
    ],
)
def test_every_way_to_say_when(given: dict, expected: list):
    assert wire(**given) == expected


def test_a_schedule_keeps_whether_it_is_active_its_parameters_and_its_slug():
    inner = Cron("0 0 * * *")
    (made,) = list_schedules(
        schedules=[{"schedule": inner, "active": False, "parameters": {"a": 1}, "slug": "s"}]
    )
    assert (made.active, made.parameters, made.slug) == (False, {"a": 1}, "s")


@pytest.mark.parametrize(
    "given",
    [
        {"cron": "0 0 * * *", "interval": 5},
        {"interval": 0},
        {"interval": -1},
        {"schedules": [{}]},
        {"schedules": [5]},
        {"schedules": [{"cron": "0 0 * * *", "colour": "red"}]},
        {"schedules": [{"cron": "0 0 * * *", "interval": 5}]},
    ],
)
def test_what_is_no_schedule_is_refused(given: dict):
    with pytest.raises(ConfigurationError):
        list_schedules(**given)


def test_a_schedule_has_exactly_one_way():
    with pytest.raises(ValueError, match="one of"):
        Schedule()


def test_a_flow_s_deployment_has_its_place_schema_version_and_description():
    made = load.to_deployment("daily", cron="0 0 * * *", tags=["a"], concurrency_limit=2)
    assert made.full_name == "load/daily"
    assert Path(made.path, made.entrypoint.partition(":")[0]).resolve() == Path(__file__)
    assert made.entrypoint.endswith(":load")
    assert (made.version, made.description, made.concurrency_limit) == ("v1", "d", 2)
    assert made.parameter_schema["properties"]["day"]["default"] == "today"


@pytest.mark.parametrize("limit", [0, -1, "x", True])
def test_a_limit_that_is_none_is_refused(limit: object):
    with pytest.raises(ConfigurationError, match="limit"):
        load.to_deployment("d", concurrency_limit=limit)


def test_a_limit_may_name_its_strategy():
    limit = SimpleNamespace(limit=1, collision_strategy="CANCEL_NEW")
    made = load.to_deployment("d", concurrency_limit=limit)
    assert (made.concurrency_limit, made.collision_strategy) == (1, "CANCEL_NEW")


def test_a_flow_inside_a_function_cannot_be_deployed():
    @flow
    def inner():
        pass

    with pytest.raises(ConfigurationError, match="inside a function"):
        RunnerDeployment.from_flow(inner, "d")


@pytest.mark.parametrize("name", ["", "a/b", "a%b"])
def test_names_that_deployments_may_not_have(name: str):
    with pytest.raises(ConfigurationError, match="name"):
        load.to_deployment(name)


def test_serving_with_a_pool_is_refused_with_the_word_deploy():
    with pytest.raises(ConfigurationError, match="Use deploy instead of serve"):
        load.serve("d", work_pool_name="p")
    with pytest.raises(ConfigurationError, match="Use deploy instead of serve"):
        serve(load.to_deployment("d", work_pool_name="p"))


def test_triggers():
    """They become automations that run the deployment; what is none is refused with its number."""
    given = [
        {"expect": ["order.placed"], "parameters": {"a": 1}},
        {"name": "mine", "expect": ["x"]},
    ]
    made = load.to_deployment("d", triggers=given).triggers
    assert [one.name for one in made] == ["d__automation_1", "mine"]
    (action,) = msgspec.to_builtins(made[0].actions)
    assert (action["type"], action["parameters"]) == ("run-deployment", {"a": 1})
    with pytest.raises(ConfigurationError, match="trigger 2 of 'd' is 5"):
        load.to_deployment("d", triggers=[given[0], 5])
    with pytest.raises(ConfigurationError, match="trigger 1 of 'd' cannot be used"):
        load.to_deployment("d", triggers=[{"threshold": "many"}])


def test_what_comes_later_is_refused_by_name():
    with pytest.raises(NotImplementedYet, match="sla"):
        load.to_deployment("d", _sla=[object()])


def test_the_table():
    assert table("T", [Row("a/b", "applied")]) == (
        "T\n"
        "+------+---------+\n"
        "| Name | Status  |\n"
        "+------+---------+\n"
        "| a/b  | applied |\n"
        "+------+---------+"
    )
