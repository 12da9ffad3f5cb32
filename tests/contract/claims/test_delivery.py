"""Waiting for runs: who is woken, when, and what becomes of one who goes."""

import asyncio
import time

from headrace.core.ids import new_id
from headrace.core.states import StateType
from headrace.server.services.grants import Demand
from headrace.server.services.sources import PoolSource
from headrace.server.store import schema


class Counting:
    """The database, counting what is asked of it."""

    def __init__(self, database) -> None:
        self._database = database
        self.reads = 0
        self.transactions = 0
        self.dialect = database.dialect
        self.apply = database.apply

    async def fetch_all(self, *args):
        self.reads += 1
        return await self._database.fetch_all(*args)

    async def fetch_few(self, *args):
        self.reads += 1
        return await self._database.fetch_few(*args)

    async def fetch_one(self, *args):
        self.reads += 1
        return await self._database.fetch_one(*args)

    async def transact(self, work):
        self.transactions += 1
        return await self._database.transact(work)


async def until(condition, seconds: float = 60.0) -> None:
    async with asyncio.timeout(seconds):
        while not condition():  # noqa: ASYNC110 - the condition has no event
            await asyncio.sleep(0.001)


def waiting(world) -> int:
    return sum(len(desk.waiting) for desk in world.claims._desks._desks.values())


async def wait_at_desk(world, number: int = 1, **options) -> list[asyncio.Task]:
    tasks = [
        asyncio.create_task(world.claim(1, owner=f"w{n}", wait=20, **options))
        for n in range(number)
    ]
    await until(lambda: waiting(world) == number)
    await asyncio.sleep(0.02)  # the desk has looked and sleeps
    return tasks


def test_a_new_run_ends_the_wait_at_once(run):
    async def scenario(world):
        await world.pool()
        [task] = await wait_at_desk(world)
        began = time.monotonic()
        [made] = await world.runs("default")
        answer = await task
        assert [grant.run_id for grant in answer.grants] == [made]
        assert time.monotonic() - began < 15  # of the 20 that it would wait

    run(scenario)


def test_the_clock_ends_the_wait(run):
    async def scenario(world):
        await world.pool()
        [task] = await wait_at_desk(world)
        [soon] = await world.runs("default", due=0.3)
        answer = await task
        assert [grant.run_id for grant in answer.grants] == [soon]

    run(scenario)


def test_a_slot_that_comes_free_in_another_queue_ends_the_wait(run):
    async def scenario(world):
        await world.pool(concurrency_limit=1, queues={"a": {}, "b": {}})
        [first] = await world.runs("a")
        await world.claim(1, queues=("a",))
        [second] = await world.runs("b")
        [task] = await wait_at_desk(world, queues=("b",))
        await world.move(first, StateType.RUNNING)
        await world.move(first, StateType.COMPLETED)
        assert [grant.run_id for grant in (await task).grants] == [second]

    run(scenario)


def test_resuming_a_pool_ends_the_wait(run):
    async def scenario(world):
        pool = await world.pool(is_paused=True)
        [made] = await world.runs("default")
        [task] = await wait_at_desk(world)
        await world.change(schema.work_pool, pool, is_paused=False)
        world.signals.publish(f"pool:{pool}")
        assert [grant.run_id for grant in (await task).grants] == [made]

    run(scenario)


def test_one_run_wakes_one_of_many_and_costs_one_transaction(run):
    async def scenario(world):
        counting = Counting(world.database)
        await world.pool()
        world.claims._database = counting
        world.source = counting
        tasks = await wait_at_desk(world, 50)
        counting.reads = counting.transactions = 0
        [made] = await world.runs("default")
        await until(lambda: any(task.done() for task in tasks))
        await asyncio.sleep(0.05)
        done = [task for task in tasks if task.done()]
        assert [grant.run_id for task in done for grant in task.result().grants] == [made]
        assert counting.transactions == 1
        assert counting.reads <= 10  # not fifty
        await world.claims.close()
        await asyncio.gather(*tasks)

    run(scenario)


def test_waiters_are_served_in_the_order_in_which_they_came(run):
    async def scenario(world):
        await world.pool()
        tasks = await wait_at_desk(world, 5)
        await world.runs("default", 3)
        await until(lambda: sum(task.done() for task in tasks) == 3)
        assert [task.done() for task in tasks] == [True, True, True, False, False]
        await world.claims.close()
        assert [len((await task).grants) for task in tasks] == [1, 1, 1, 0, 0]

    run(scenario)


def test_a_waiter_that_goes_strands_nothing(run):
    async def scenario(world):
        await world.pool()
        tasks = await wait_at_desk(world, 2)
        tasks[0].cancel()
        [made] = await world.runs("default")
        assert [grant.run_id for grant in (await tasks[1]).grants] == [made]
        assert waiting(world) == 0

    run(scenario)


def test_runs_that_were_taken_for_one_who_is_gone_are_given_back(run):
    async def scenario(world):
        await world.pool()
        [made] = await world.runs("default")
        answer = await world.claim(1)
        await world.claims.give_back(answer.grants)
        assert await world.state(made) == "SCHEDULED"
        again = await world.claim(1)
        assert [(grant.run_id, grant.epoch) for grant in again.grants] == [(made, 3)]

    run(scenario)


def test_a_run_to_be_cancelled_ends_its_owners_wait_once(run):
    async def scenario(world):
        await world.pool()
        [mine] = await world.runs("default")
        await world.claim(owner="w0")
        [task] = await wait_at_desk(world)
        await world.move(mine, StateType.RUNNING)
        await asyncio.sleep(0.05)
        assert not task.done()
        await world.move(mine, StateType.CANCELLING)
        assert (await task).cancelling == [mine]
        # It knows by now: while it stops the run, its next claim waits as any other.
        began = time.monotonic()
        assert (await world.claim(owner="w0", wait=0.2)).cancelling == [mine]
        assert time.monotonic() - began >= 0.19

    run(scenario)


def test_the_same_claim_again_takes_the_place_of_the_one_that_waits(run):
    async def scenario(world):
        await world.pool()
        claim_id = new_id()
        first = asyncio.create_task(world.claim(1, claim_id=claim_id, wait=20))
        await until(lambda: waiting(world) == 1)
        second = asyncio.create_task(world.claim(1, claim_id=claim_id, wait=20))
        assert (await first).grants == []
        [made] = await world.runs("default")
        assert [grant.run_id for grant in (await second).grants] == [made]

    run(scenario)


def test_closing_answers_all_who_wait(run):
    async def scenario(world):
        await world.pool()
        tasks = await wait_at_desk(world, 3)
        await world.claims.close()
        async with asyncio.timeout(15):  # of the 20 that they would wait
            assert [(await task).grants for task in tasks] == [[], [], []]

    run(scenario)


def test_blocked_runs_do_not_keep_the_desk_busy(run):
    """A due run that cannot be had is looked at when something changes, not all the time."""

    async def scenario(world):
        await world.pool()
        full = await world.deployment("full", concurrency_limit=1)
        await world.runs("default", 2, deployment_id=full)
        await world.claim(1, owner="holder")
        counting = Counting(world.database)
        world.claims._database = counting
        source = PoolSource(counting, "p")
        task = asyncio.create_task(world.claims.claim(source, Demand(new_id(), "w", 1), 0.5))
        assert (await task).grants == []
        assert counting.transactions <= 3
        assert counting.reads <= 15

    run(scenario)
