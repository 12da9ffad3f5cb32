"""The scheduling loop: every date once, ahead of its time, at no cost when idle."""

import asyncio
from datetime import timedelta

from deployments_world import NOW

from headrace.core.planning import Horizon
from headrace.server.services.loops.scheduling import SchedulingLoop
from headrace.server.services.loops.service import LoopService
from headrace.server.store.schema import deployment_schedule, flow_run, flow_run_state


def daily(hour, **fields):
    return {"schedule": {"cron": f"0 {hour} * * *"}, **fields}


def loop_of(world, **options):
    return SchedulingLoop(world.database, world.signals, **options)


async def test_each_date_once(world):
    """Planning again, later and from several loops makes no date twice and leaves none out."""
    await world.deploy(schedules=[daily(1), daily(13)], tags=["t"])
    loop = loop_of(world)
    await loop.run_once(NOW)
    expected = ["03-01T13:00", "03-02T01:00", "03-02T13:00", "03-03T01:00", "03-03T13:00", "03-04T01:00"]  # fmt: skip # noqa: E501
    assert await world.planned() == expected
    await asyncio.gather(loop.run_once(NOW), loop_of(world).run_once(NOW))
    assert await world.planned() == expected
    await loop.run_once(NOW + timedelta(days=1, hours=2))
    assert await world.planned() == [*expected, "03-04T13:00", "03-05T01:00", "03-05T13:00"]
    run = (await world.rows(flow_run, auto_scheduled=True))[0]
    assert (run["state_name"], run["state_type"]) == ("Scheduled", "SCHEDULED")
    assert await world.count(flow_run_state) == 9


async def test_idle(world):
    """With nothing to plan it reads and does not write, and says when it wants to look again."""
    await world.deploy(schedules=[daily(1)])
    loop = loop_of(world)
    await loop.run_once(NOW)
    before = await world.rows(deployment_schedule)
    assert await loop.run_once(NOW + timedelta(minutes=1)) == loop.pace.interval
    assert await world.rows(deployment_schedule) == before


async def test_only_what_is_active(world):
    """Paused deployments and schedules plan nothing, and begin at once when resumed."""
    made = await world.deploy(schedules=[daily(1), daily(2, active=False)], paused=True)
    loop = loop_of(world)
    assert await loop.run_once(NOW) is None
    assert await world.planned() == []
    await world.pause(made, paused=False)
    await loop.run_once(NOW)
    assert {day[6:] for day in await world.planned()} == {"01:00"} or len(
        await world.planned()
    ) == 3
    await world.pause(made)
    assert await world.planned() == []


async def test_a_changed_schedule(world):
    """Runs of the old time go, those of the new time come; others are not touched."""
    await world.deploy(schedules=[daily(1, slug="a"), daily(2, slug="b")])
    loop = loop_of(world)
    await loop.run_once(NOW)
    kept = {row["id"] for row in await world.rows(flow_run) if "T02" in row["expected_start_time"]}
    await world.deploy(schedules=[daily(5, slug="a"), daily(2, slug="b")])
    await loop.run_once(NOW)
    rows = await world.rows(flow_run)
    hours = sorted(row["expected_start_time"][11:13] for row in rows)
    assert hours == ["02", "02", "02", "05", "05", "05"]
    assert kept <= {row["id"] for row in rows}


async def test_a_pause_while_it_plans(world):
    """What was read before a pause is not written after it."""
    made = await world.deploy(schedules=[daily(1)])
    loop = loop_of(world)
    read = loop.database.fetch_all

    async def read_then_pause(statement, params=()):
        rows = await read(statement, params) if params else await read(statement)
        if rows and len(rows[0]) > 20:
            await world.pause(made)
        return rows

    class Paused:
        def __getattr__(self, name):
            return read_then_pause if name == "fetch_all" else getattr(world.database, name)

    await SchedulingLoop(Paused(), world.signals).run_once(NOW)
    assert await world.planned() == []


async def test_a_clock_that_jumps(world):
    """A clock that ran far ahead for a while leaves no gap once it is right again."""
    await world.deploy(schedules=[daily(1)])
    loop = loop_of(world)
    await loop.run_once(NOW)
    await loop.run_once(NOW + timedelta(days=3600))
    await loop.run_once(NOW + timedelta(days=1))
    near = [day for day in await world.planned() if day.startswith("03-0")]
    assert near[:3] == ["03-02T01:00", "03-03T01:00", "03-04T01:00"]
    assert len(set(near)) == len(near)
    await loop.run_once(NOW - timedelta(hours=2))  # backwards, too
    assert len(set(await world.planned())) == len(await world.planned())


async def test_after_an_outage(world):
    """Runs made before stay and run late; dates that passed unseen are not made up for."""
    await world.deploy(schedules=[daily(1)])
    loop = loop_of(world)
    await loop.run_once(NOW)
    await loop.run_once(NOW + timedelta(days=10))
    assert await world.planned() == [
        "03-02T01:00", "03-03T01:00", "03-04T01:00", "03-12T01:00", "03-13T01:00", "03-14T01:00",
    ]  # fmt: skip


async def test_many_schedules(world):
    """More than a page is planned page by page, a bad one is passed over."""
    for name in ("a", "b", "c"):
        await world.deploy(name, schedules=[daily(1), daily(2)])
    rows = await world.rows(deployment_schedule)
    await world.change(deployment_schedule, rows[0]["id"], schedule='{"cron": "broken"}')
    loop = loop_of(world, page=4)
    assert await loop.run_once(NOW) == 0
    await loop.run_once(NOW)
    assert len(await world.planned()) == 15


async def test_a_fast_schedule(world):
    """As many runs as the bound, in several units."""
    await world.deploy(
        schedules=[{"schedule": {"interval": 1, "anchor_date": "2027-01-01T00:00:00Z"}}]
    )
    await loop_of(world, horizon=Horizon(max_runs=150)).run_once(NOW)
    assert len(await world.planned()) == 150


async def test_a_new_schedule_is_planned_at_once(world):
    """The running loop does not wait for its interval when a deployment is made."""
    loop = loop_of(world)
    service = LoopService(loop, world.signals, clock=lambda: NOW)
    service.start()
    await service.next_run()
    await world.deploy(schedules=[daily(1)])
    for _ in range(200):
        if await world.planned():
            break
        await asyncio.sleep(0.01)
    await service.stop()
    assert len(await world.planned()) == 3
