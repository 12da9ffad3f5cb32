"""How runs are handed out: order, limits, repetition, cancelling. On every database."""

import msgspec
import pytest

from headrace.core.ids import new_id
from headrace.core.states import StateType
from headrace.core.times import now_text
from headrace.errors import ObjectNotFound
from headrace.server.store import schema


def run_ids(answer) -> list[str]:
    return [grant.run_id for grant in answer.grants]


def test_a_due_run_is_leased_and_pending(run):
    async def scenario(world):
        await world.pool()
        [due] = await world.runs("default")
        [later] = await world.runs("default", due=3600)
        answer = await world.claim(owner="w1")
        assert run_ids(answer) == [due]
        row = await world.facts(due)
        assert (row.lease_owner, row.lease_kind, row.epoch) == ("w1", "worker", 1)
        assert row.lease_expires == answer.grants[0].expires
        assert await world.state(due) == "PENDING"
        assert await world.state(later) == "SCHEDULED"

    run(scenario)


def test_prefetch_hands_out_what_is_due_soon(run):
    async def scenario(world):
        await world.pool()
        [soon] = await world.runs("default", due=30)
        assert run_ids(await world.claim()) == []
        assert run_ids(await world.claim(prefetch=60)) == [soon]

    run(scenario)


def test_queues_are_emptied_by_priority_and_then_by_due_time(run):
    async def scenario(world):
        await world.pool(queues={"critical": {}, "high": {}, "low": {}})
        low = await world.runs("low", 2, due=-100)
        high = await world.runs("high", 2, due=-50)
        critical = await world.runs("critical", 2, due=-10)
        assert run_ids(await world.claim(3)) == [*critical, high[0]]
        [urgent] = await world.runs("critical")
        assert run_ids(await world.claim(3)) == [urgent, high[1], low[0]]

    run(scenario)


def test_only_the_named_queues_are_served(run):
    async def scenario(world):
        await world.pool(queues={"a": {}, "b": {}})
        await world.runs("a")
        [mine] = await world.runs("b")
        assert run_ids(await world.claim(queues=("b",))) == [mine]

    run(scenario)


def test_a_pool_limit_of_five_with_three_live_gives_two(run):
    async def scenario(world):
        await world.pool(concurrency_limit=5)
        await world.runs("default", 9)
        assert len((await world.claim(3)).grants) == 3
        assert len((await world.claim(9)).grants) == 2
        assert (await world.claim(9)).grants == []

    run(scenario)


def test_a_finished_run_makes_room(run):
    async def scenario(world):
        await world.pool(concurrency_limit=1)
        first, second = await world.runs("default", 2)
        assert run_ids(await world.claim()) == [first]
        await world.move(first, StateType.RUNNING)
        assert (await world.claim()).grants == []
        await world.move(first, StateType.COMPLETED)
        assert run_ids(await world.claim()) == [second]

    run(scenario)


def test_a_queue_at_its_limit_is_passed_over(run):
    async def scenario(world):
        await world.pool(queues={"one": {"concurrency_limit": 1}, "rest": {}})
        one = await world.runs("one", 3)
        rest = await world.runs("rest", 3)
        assert run_ids(await world.claim(3)) == [one[0], *rest[:2]]

    run(scenario)


@pytest.mark.parametrize("paused", ["pool", "queue"])
def test_what_is_paused_gives_nothing(run, paused):
    async def scenario(world):
        pool = await world.pool(
            is_paused=paused == "pool", queues={"default": {"is_paused": paused == "queue"}}
        )
        await world.runs("default")
        assert (await world.claim()).grants == []
        await world.change(schema.work_pool, pool, is_paused=False)
        await world.change(schema.work_queue, world.queues["default"], is_paused=False)
        assert len((await world.claim()).grants) == 1

    run(scenario)


def test_runs_of_a_full_deployment_do_not_fill_the_batch(run):
    async def scenario(world):
        await world.pool()
        full = await world.deployment("full", concurrency_limit=1)
        blocked = await world.runs("default", 30, due=-100, deployment_id=full)
        free = await world.runs("default", 3)
        answer = await world.claim(3)
        assert run_ids(answer) == [blocked[0], *free[:2]]
        assert run_ids(await world.claim(3)) == [free[2]]

    run(scenario)


def test_a_blocked_run_says_why(run):
    async def scenario(world):
        await world.pool()
        full = await world.deployment("full", concurrency_limit=1)
        first, second = await world.runs("default", 2, deployment_id=full)
        await world.claim(5)
        stored = await world.database.fetch_one(
            schema.flow_run.select()
            .with_only_columns(schema.flow_run.c.wait_reason)
            .where(schema.flow_run.c.id == second)
        )
        reason = msgspec.json.decode(stored[0])
        assert reason == {"kind": "deployment_limit", "id": full, "name": "full", "limit": 1}
        await world.move(first, StateType.COMPLETED)
        assert run_ids(await world.claim(5)) == [second]

    run(scenario)


def test_a_limit_that_deployments_share_admits_runs_of_either(run):
    """Its slots are counted over all of them, for a pool's claims and for those who serve."""

    async def scenario(world):
        await world.pool()
        limit = new_id()
        row = {"id": limit, "name": "both", "limit": 2, "taken_at": now_text()}
        await world.insert(schema.concurrency_limit, row)
        a = await world.deployment("a", shared_limit_id=limit)
        b = await world.deployment("b", shared_limit_id=limit)
        await world.runs("default", 2, due=-100, deployment_id=a)
        await world.runs("default", 2, deployment_id=b)
        assert [len(run_ids(await world.claim(most))) for most in (1, 10, 10)] == [1, 1, 0]
        await world.runs(None, 1, deployment_id=b)
        assert run_ids(await world.claim(serve=[b])) == []

    run(scenario)


def test_a_deployment_that_cancels_new_runs_cancels_what_finds_no_slot(run):
    async def scenario(world):
        await world.pool()
        options = '{"collision_strategy":"CANCEL_NEW"}'
        full = await world.deployment("full", concurrency_limit=1, concurrency_options=options)
        first, second = await world.runs("default", 2, deployment_id=full)
        assert run_ids(await world.claim(5)) == [first]
        assert await world.state(second) == "CANCELLED"

    run(scenario)


def test_the_same_claim_id_brings_the_same_runs(run):
    async def scenario(world):
        await world.pool()
        await world.runs("default", 5)
        claim_id = new_id()
        first = await world.claim(2, claim_id=claim_id)
        again = await world.claim(2, claim_id=claim_id)
        assert run_ids(first) == run_ids(again)
        assert [g.epoch for g in first.grants] == [g.epoch for g in again.grants]
        assert len((await world.claim(9)).grants) == 3

    run(scenario)


def test_a_run_that_waits_in_its_own_process_is_nobodys(run):
    async def scenario(world):
        await world.pool()
        await world.runs("default", lease_owner="in-process", lease_kind="none")
        assert (await world.claim()).grants == []

    run(scenario)


def test_a_server_of_deployments_gets_their_runs_oldest_first(run):
    async def scenario(world):
        await world.pool()
        a, b = await world.deployment("a"), await world.deployment("b")
        await world.deployment("c")
        [second] = await world.runs(None, due=-5, deployment_id=a)
        [first] = await world.runs(None, due=-50, deployment_id=b)
        await world.runs(None, deployment_id=world.deployments["c"])
        assert run_ids(await world.claim(serve=[a, b])) == [first, second]

    run(scenario)


def test_a_claim_tells_which_of_the_owners_runs_are_to_be_cancelled(run):
    async def scenario(world):
        await world.pool()
        [mine] = await world.runs("default")
        await world.claim(owner="w1")
        await world.move(mine, StateType.CANCELLING)
        assert (await world.claim(owner="w1")).cancelling == [mine]
        assert (await world.claim(owner="w2")).cancelling == []

    run(scenario)


def test_an_unknown_pool_is_an_error(run):
    async def scenario(world):
        with pytest.raises(ObjectNotFound, match="nowhere"):
            await world.claim(pool="nowhere")

    run(scenario)


def test_an_idle_claim_writes_nothing(run):
    async def scenario(world):
        await world.pool(concurrency_limit=1)
        await world.runs("default", due=3600)

        world.claims._database = _ReadOnly(world.database)
        assert (await world.claim()).grants == []

    class _ReadOnly:
        def __init__(self, database) -> None:
            self.fetch_few, self.fetch_one = database.fetch_few, database.fetch_one

    run(scenario)
