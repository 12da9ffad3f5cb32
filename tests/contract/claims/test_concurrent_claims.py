"""Many claimers at once: never more runs than a limit allows, and the waterfall holds."""

import asyncio
import random

from headrace.core.states import StateType
from headrace.server.services.claims import Claims
from headrace.server.services.signals import Signals

CLAIMERS = 50
LIMITS = {"first": 1, "second": 3, "third": None}
PRIORITIES = {"first": 1, "second": 5, "third": 10}
POOL_LIMIT = 10


def test_fifty_claimers_stay_within_every_limit(run):
    """Priorities 1 (limit 1), 5 (limit 3) and 10 (no limit) under a pool limit of 10: at every moment
    within the limits, and a run of a lower queue starts only while the higher ones have no room."""

    async def scenario(world):
        await world.pool(
            concurrency_limit=POOL_LIMIT,
            queues={
                name: {"concurrency_limit": limit, "priority": PRIORITIES[name]}
                for name, limit in LIMITS.items()
            },
        )
        runs = [run_id for name in LIMITS for run_id in await world.runs(name, 20)]
        # Two servers on one database, as far as claims can tell.
        servers = [world.claims, Claims(world.database, Signals())]
        finished: list[str] = []
        worst: dict[str, int] = {"pool": 0}
        watching = asyncio.create_task(watch(world, worst))

        async def work(number: int) -> None:
            dice = random.Random(number)
            while len(finished) < len(runs):
                answer = await world.claim(
                    dice.randint(1, 4), owner=f"w{number}", claims=servers[number % 2]
                )
                for grant in answer.grants:
                    await world.move(grant.run_id, StateType.RUNNING)
                    await world.move(grant.run_id, StateType.COMPLETED)
                    finished.append(grant.run_id)
                if not answer.grants:
                    await asyncio.sleep(0.002)

        await asyncio.gather(*(work(number) for number in range(CLAIMERS)))
        watching.cancel()
        assert sorted(finished) == sorted(runs)  # each once
        assert worst["pool"] <= POOL_LIMIT
        assert worst.get("first", 0) <= 1
        assert worst.get("second", 0) <= 3

    run(scenario)


async def watch(world, worst: dict[str, int]) -> None:
    """The most live runs that were ever seen, by queue and in all."""
    while True:
        live = await world.live()
        for name, number in live.items():
            worst[name] = max(worst.get(name, 0), number)
        worst["pool"] = max(worst["pool"], sum(live.values()))
        await asyncio.sleep(0)


def test_claims_in_one_moment_fill_the_limits_exactly(run):
    """Fifty claims for ten runs each, at once: 1, 3 and 6 runs are given, in the order of the queues."""

    async def scenario(world):
        await world.pool(
            concurrency_limit=POOL_LIMIT,
            queues={
                name: {"concurrency_limit": limit, "priority": PRIORITIES[name]}
                for name, limit in LIMITS.items()
            },
        )
        runs = {name: await world.runs(name, 20) for name in LIMITS}
        answers = await asyncio.gather(
            *(world.claim(10, owner=f"w{number}") for number in range(CLAIMERS))
        )
        given = [grant.run_id for answer in answers for grant in answer.grants]
        assert len(given) == len(set(given)) == POOL_LIMIT
        assert await world.live() == {"first": 1, "second": 3, "third": 6}
        assert {*runs["first"][:1], *runs["second"][:3], *runs["third"][:6]} == set(given)

    run(scenario)


def test_without_limits_every_claimer_gets_other_runs(run):
    async def scenario(world):
        await world.pool()
        runs = await world.runs("default", 100)
        answers = await asyncio.gather(
            *(world.claim(2, owner=f"w{number}") for number in range(CLAIMERS))
        )
        given = [grant.run_id for answer in answers for grant in answer.grants]
        assert len(given) == len(set(given))
        rest = await world.claim(100)
        assert sorted([*given, *(grant.run_id for grant in rest.grants)]) == sorted(runs)

    run(scenario)


def test_a_deployment_limit_holds_across_claimers(run):
    async def scenario(world):
        await world.pool(queues={"a": {}, "b": {}})
        limited = await world.deployment("limited", concurrency_limit=3)
        await world.runs("a", 20, deployment_id=limited)
        await world.runs("b", 20, deployment_id=limited)
        answers = await asyncio.gather(
            *(world.claim(5, queues=(("a", "b")[n % 2],), owner=f"w{n}") for n in range(20))
        )
        assert sum(len(answer.grants) for answer in answers) == 3

    run(scenario)
