"""Times of a schedule that passed while nobody ran it, under each policy; on a clock of the test's own."""

from datetime import timedelta

import pytest
from deployments_world import NOW

from headrace.core.ids import new_id
from headrace.server.services.loops.scheduling import SchedulingLoop
from headrace.server.store.schema import deployment_schedule, flow_run

AWAY = timedelta(hours=6, minutes=30)
"""From 12:10 to 18:40: the runs of 13, 14 and 15 o'clock had been planned before."""


def hourly(**fields):
    return {"schedule": {"cron": "0 * * * *"}, **fields}


def misfire(policy, max_lateness=None):
    return {"policy": policy, "max_lateness": max_lateness}


async def states(world):
    """State by hour of the runs whose time is not in the future."""
    rows = await world.rows(flow_run, auto_scheduled=True)
    return {row["expected_start_time"][11:13]: row["state_name"] for row in rows}


async def go_away(world, policy):
    """A server that plans, is away for hours, and begins anew."""
    start = NOW + timedelta(minutes=10)
    await world.deploy(schedules=[hourly(misfire=policy)])
    await SchedulingLoop(world.database, world.signals).run_once(start)
    loop = SchedulingLoop(world.database, world.signals)
    await loop.catch_up(start + AWAY)
    return loop, start + AWAY


AHEAD = dict.fromkeys(["19", "20", "21"], "Scheduled")


@pytest.mark.parametrize(
    ("policy", "missed"),
    [
        (None, {"13": "Scheduled", "14": "Scheduled", "15": "Scheduled"}),
        (misfire("skip"), {"13": "Skipped", "14": "Skipped", "15": "Skipped"}),
        (
            misfire("latest"),
            {"13": "Skipped", "14": "Skipped", "15": "Skipped", "18": "Scheduled"},
        ),
        (misfire("all"), dict.fromkeys(["13", "14", "15", "16", "17", "18"], "Scheduled")),
        (
            misfire("all", 4 * 3600),
            {"13": "Skipped", "14": "Skipped"}
            | dict.fromkeys(["15", "16", "17", "18"], "Scheduled"),
        ),
        (
            misfire("skip", 3600),
            {"13": "Skipped", "14": "Skipped", "15": "Skipped", "18": "Scheduled"},
        ),
    ],
    ids=["none", "skip", "latest", "all", "all-4h", "skip-1h"],
)
async def test_a_server_that_was_away(world, policy, missed):
    """An hourly schedule, six hours without a server: each policy leaves its own runs, each once."""
    loop, now = await go_away(world, policy)
    await loop.run_once(now)
    assert await states(world) == missed | AHEAD
    await loop.catch_up(now)
    await loop.run_once(now + timedelta(seconds=5))
    assert await states(world) == missed | AHEAD
    assert await world.count(flow_run) == len(missed) + 3


async def test_why_a_run_was_skipped(world):
    """The state says when it should have run, and what its schedule says."""
    await go_away(world, misfire("skip", 120))
    rows = await world.rows(flow_run, state_name="Skipped")
    assert {row["state_type"] for row in rows} == {"CANCELLED"}
    (said,) = (row["state"] for row in rows if "T13" in row["expected_start_time"])
    assert "2027-03-01T13:00:00Z" in said
    assert "its schedule allows 0:02:00 (misfire policy 'skip')" in said


async def test_a_pool_that_is_away(world):
    """With the server there but nobody to take the runs, the newer one that is due takes the place."""
    await world.deploy(schedules=[hourly(misfire=misfire("latest"))])
    loop = SchedulingLoop(world.database, world.signals)
    for minutes in range(10, 200, 5):
        await loop.run_once(NOW + timedelta(minutes=minutes))
    found = await states(world)
    assert {hour: found[hour] for hour in ("13", "14", "15")} == {
        "13": "Skipped",
        "14": "Skipped",
        "15": "Scheduled",
    }


async def test_it_looks_when_a_run_becomes_too_late(world):
    """The loop asks to be woken at the moment that a run's time is over."""
    await world.deploy(schedules=[hourly(misfire=misfire("skip", 20))])
    loop = SchedulingLoop(world.database, world.signals)
    await loop.run_once(NOW + timedelta(minutes=59, seconds=50))
    assert await loop.run_once(NOW + timedelta(minutes=60, seconds=1)) == pytest.approx(19, abs=0.1)
    assert (await states(world))["13"] == "Scheduled"
    await loop.run_once(NOW + timedelta(minutes=60, seconds=21))
    assert (await states(world))["13"] == "Skipped"


async def test_what_has_begun_is_let_be(world):
    """A run that is pending, running or over is none of the policy's business."""
    await world.deploy(schedules=[hourly(misfire=misfire("latest"))])
    loop = SchedulingLoop(world.database, world.signals)
    await loop.run_once(NOW + timedelta(minutes=10))
    for hour, kind in (("T13", "PENDING"), ("T14", "RUNNING")):
        rows = await world.rows(flow_run)
        (run,) = (row["id"] for row in rows if hour in row["expected_start_time"])
        await world.move(run, kind)
    await loop.run_once(NOW + timedelta(hours=4, minutes=10))
    found = await states(world)
    assert [found[hour] for hour in ("13", "14", "15", "16")] == [
        "Pending", "Running", "Skipped", "Scheduled",
    ]  # fmt: skip


@pytest.mark.parametrize("policy", ["skip", "latest", "all"])
async def test_a_clock_that_jumps_ahead_and_back(world, policy):
    """Afterwards every date has its one run, which waits for its time as if nothing had been."""
    await world.deploy(schedules=[hourly(misfire=misfire(policy))])
    loop = SchedulingLoop(world.database, world.signals)
    start = NOW + timedelta(minutes=10)
    await loop.run_once(start)
    await loop.run_once(start + timedelta(hours=9))
    await loop.run_once(start + timedelta(seconds=30))
    rows = [row for row in await world.rows(flow_run) if row["state_type"] == "SCHEDULED"]
    dates = [row["next_scheduled_start_time"][:16] for row in rows]
    assert len(dates) == len(set(dates))
    assert {f"2027-03-01T{hour}:00" for hour in (13, 14, 15)} <= set(dates)
    await SchedulingLoop(world.database, world.signals).catch_up(start + timedelta(hours=1))
    assert await world.count(flow_run) == len(await states(world))


async def test_a_run_that_was_deleted_does_not_come_back(world):
    """Only dates that never had a run are made up for."""
    await world.deploy(schedules=[hourly(misfire=misfire("all"))])
    loop = SchedulingLoop(world.database, world.signals)
    await loop.run_once(NOW + timedelta(minutes=10))
    await world.delete(flow_run)
    await loop.catch_up(NOW + timedelta(hours=4, minutes=10))
    assert set(await states(world)) == {"16", "17", "18", "19"}


async def test_times_in_a_pause_are_not_missed(world):
    """What passes while a deployment is paused, or before its schedule was changed, is let go."""
    made = await world.deploy(schedules=[hourly(misfire=misfire("all"))])
    loop = SchedulingLoop(world.database, world.signals)
    await loop.run_once(NOW + timedelta(minutes=10))
    await world.pause(made)
    await world.pause(made, paused=False)
    await loop.run_once(NOW + timedelta(hours=6, minutes=10))
    assert set(await states(world)) == {"19", "20", "21"}


async def test_what_a_deployment_says(world):
    """The policy is read back, stays when others are changed, and goes with a deployment without."""
    policy = misfire("latest", 90.0)
    made = await world.deploy(schedules=[hourly(misfire=policy), hourly(slug="plain")])
    assert sorted(("misfire" in one, one["slug"]) for one in made["schedules"]) == [
        (False, "plain"),
        (True, None),
    ]
    (told,) = (one["misfire"] for one in made["schedules"] if "misfire" in one)
    assert told == policy
    again = await world.deploy(schedules=[hourly(), hourly(slug="plain")])
    assert [one for one in again["schedules"] if "misfire" in one] == []
    assert {one["id"] for one in again["schedules"]} == {one["id"] for one in made["schedules"]}


async def test_more_than_a_page_waits(world):
    """Hundreds of late runs are judged page by page, and the loop goes on at once until it is through."""
    every_minute = {"schedule": {"cron": "* * * * *"}, "misfire": misfire("latest")}
    await world.deploy(schedules=[{**every_minute, "max_scheduled_runs": 100}])
    loop = SchedulingLoop(world.database, world.signals)
    row = await world.one(deployment_schedule)
    await loop.run_once(NOW)
    (first, *_) = await world.rows(flow_run)
    prefix = first["idempotency_key"].rpartition("2027-")[0]
    later = [first | {"id": new_id(), "idempotency_key": f"{prefix}more {n}"} for n in range(90)]
    await world.insert(flow_run, *later)
    now = NOW + timedelta(hours=2)
    for _ in range(5):
        await loop.run_once(now)
    waiting = [
        one for one in await world.rows(flow_run, state_type="SCHEDULED")
        if one["expected_start_time"][:16] <= "2027-03-01T14:00"
    ]  # fmt: skip
    assert [one["expected_start_time"][:16] for one in waiting] == ["2027-03-01T14:00"]
    assert (await world.one(deployment_schedule))["id"] == row["id"]
