"""Who is alive: workers go on- and offline, pools and queues with them; idle signs write nothing."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest
from claims_world import World

from headrace.core.times import now_text
from headrace.server.services.liveness import Liveness
from headrace.server.services.loops.leadership import LoopLeases
from headrace.server.services.loops.worker_status import WorkerStatusLoop
from headrace.server.services.polls import Poll, Polls
from headrace.server.services.sources import PoolSource
from headrace.server.store import schema


async def column(world: World, table, name: str) -> list[object]:
    rows = await world.database.fetch_all(table.select().with_only_columns(table.c[name]))
    return [row[0] for row in rows]


class Writes:
    """The database, counting what is written."""

    def __init__(self, database) -> None:
        self._database = database
        self.count = 0
        self.fetch_all, self.fetch_one = database.fetch_all, database.fetch_one

    async def apply(self, unit) -> None:
        self.count += 1
        await self._database.apply(unit)

    async def transact(self, work):
        self.count += 1
        return await self._database.transact(work)


def test_only_the_first_heartbeat_is_written_at_once(run):
    async def scenario(world):
        pool = await world.pool()
        writes = Writes(world.database)
        liveness = Liveness(writes, world.signals)
        for _ in range(100):
            await liveness.beat(pool, "w", 30)
        assert writes.count == 1
        [first] = await column(world, schema.worker, "last_heartbeat_time")
        await liveness.flush()
        await liveness.flush()
        assert writes.count == 2
        [second] = await column(world, schema.worker, "last_heartbeat_time")
        assert second > first

    run(scenario)


def test_polls_are_written_together(run):
    async def scenario(world):
        await world.pool(queues={"a": {}, "b": {}})
        writes = Writes(world.database)
        liveness = Liveness(writes, world.signals)
        for _ in range(50):
            await liveness.polled_queues(world.queues.values())
        assert writes.count == 1
        assert await column(world, schema.work_queue, "status") == ["READY", "READY"]
        await liveness.flush()
        assert writes.count == 2

    run(scenario)


def test_who_polls_a_queue_polls_its_deployments(run):
    """They are ready; a poll soon after the last writes nothing of them."""

    async def scenario(world):
        await world.pool(queues={"a": {}, "b": {}})
        await world.deployment("d1", queue="a")
        await world.deployment("d2", queue="b")
        liveness = Liveness(world.database, world.signals)
        await liveness.polled_queues([world.queues["a"]])
        assert sorted(await column(world, schema.deployment, "status")) == ["NOT_READY", "READY"]
        first = await column(world, schema.deployment, "last_polled")
        await liveness.polled_queues([world.queues["a"]])
        await liveness.flush()
        assert await column(world, schema.deployment, "last_polled") == first

    run(scenario)


def test_a_worker_that_misses_three_heartbeats_is_offline_and_back_with_the_next(run):
    async def scenario(world):
        pool = await world.pool()
        liveness = Liveness(world.database, world.signals)
        loop = WorkerStatusLoop(world.database, world.signals, liveness)
        await liveness.beat(pool, "w", 10)
        now = datetime.now(UTC)
        await loop.run_once(now + timedelta(seconds=29))
        assert await column(world, schema.worker, "status") == ["ONLINE"]
        assert await column(world, schema.work_pool, "status") == ["READY"]
        await loop.run_once(now + timedelta(seconds=31))
        assert await column(world, schema.worker, "status") == ["OFFLINE"]
        assert await column(world, schema.work_pool, "status") == ["NOT_READY"]
        await liveness.beat(pool, "w", 10)
        assert await column(world, schema.worker, "status") == ["ONLINE"]
        assert await column(world, schema.work_pool, "status") == ["READY"]

    run(scenario)


def test_a_queue_that_nobody_polls_is_not_ready(run):
    async def scenario(world):
        await world.pool()
        liveness = Liveness(world.database, world.signals)
        loop = WorkerStatusLoop(world.database, world.signals, liveness)
        await liveness.polled_queues(world.queues.values())
        await loop.run_once(datetime.now(UTC) + timedelta(seconds=50))
        assert await column(world, schema.work_queue, "status") == ["READY"]
        await loop.run_once(datetime.now(UTC) + timedelta(seconds=70))
        assert await column(world, schema.work_queue, "status") == ["NOT_READY"]

    run(scenario)


def test_one_server_leads_a_loop_until_it_lets_go(run):
    async def scenario(world):
        first, second = LoopLeases(world.database, "s1"), LoopLeases(world.database, "s2")
        assert await first.holds("x")
        assert await first.holds("x")
        assert not await second.holds("x")
        assert await second.holds("y")
        await first.release("x")
        assert await second.holds("x")

    run(scenario)


@pytest.mark.parametrize("offered_twice", [False, True])
def test_a_held_poll_is_answered_by_a_new_run_and_one_worker_at_a_time(run, offered_twice):
    async def scenario(world):
        await world.pool()
        polls = Polls(world.database, world.signals)
        source = PoolSource(world.database, "p")
        look = await source.look()
        never = asyncio.get_running_loop().create_future()
        held = [
            asyncio.create_task(polls._hold(source, Poll(10, now_text(), window=10.0), never))
            for _ in range(2)
        ]
        await asyncio.sleep(0.05)
        [made] = await world.runs("default")
        done, _ = await asyncio.wait(held, return_when=asyncio.FIRST_COMPLETED, timeout=60)
        assert len(done) == 1
        [row] = done.pop().result()
        assert made in row
        rest = next(task for task in held if not task.done())
        if offered_twice:  # nobody proposed PENDING: the next one is shown it
            assert made in (await asyncio.wait_for(rest, 60))[0]
        else:
            await asyncio.sleep(0.1)
            assert not rest.done()
            rest.cancel()
        await polls.close()
        assert look.topics

    run(scenario)


def test_a_poll_is_held_only_for_one_who_polls_in_a_loop(run, monkeypatch):
    async def scenario(world):
        polls = Polls(world.database, world.signals)
        moment = 1000.0
        monkeypatch.setattr("headrace.server.services.polls.monotonic", lambda: moment)
        assert not polls._waits("k")  # the first poll may be its only one
        polls._noted("k")
        moment += 10
        assert polls._waits("k")
        assert not polls._waits("k")  # another worker's first poll
        polls._noted("k")
        moment += 500
        assert not polls._waits("k")

    run(scenario)
