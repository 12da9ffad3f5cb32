"""Tags that limit their task runs: slots are taken at RUNNING, and free when it is left."""

import asyncio
from datetime import UTC, datetime

import msgspec
from orchestration_world import World, state

from headrace.server.services import concurrency_limits, task_runs
from headrace.server.services.loops.slot_expiry import SlotExpiryLoop
from headrace.server.store import schema
from headrace.server.store import task_runs as store
from headrace.wire.concurrency_limits import ConcurrencyLimitCreate, ConcurrencyLimitV2Update
from headrace.wire.task_runs import TaskRunCreate


async def limit(world: World, tag: str, slots: int) -> None:
    body = ConcurrencyLimitCreate(tag=tag, concurrency_limit=slots)
    await concurrency_limits.set_tag_limit(world.database, world.signals, body)


async def task(world: World, flow_run: str | None, key: str, *tags: str, **policy: object) -> str:
    body = {
        "flow_run_id": flow_run,
        "task_key": "t",
        "dynamic_key": key,
        "tags": list(tags),
        "empirical_policy": policy,
    }
    made = msgspec.convert(body, TaskRunCreate)
    row, _ = await task_runs.create_task_run(world.database, world.signals, made)
    return row[store.SHAPE.positions["id"]]


async def propose(world: World, run: str, kind: str, *, force: bool = False) -> dict:
    outcome = await task_runs.set_state(
        world.database, world.signals, run, state(kind), force=force
    )
    return msgspec.json.decode(outcome.body)


async def holders(world: World, tag: str) -> list[str]:
    found = await concurrency_limits.read_tag_limit(world.database, tag=tag)
    return (await concurrency_limits.holders(world.database, [found]))[found.id]


async def test_no_more_task_runs_than_a_tag_allows(world: World):
    """64 task runs of two limited tags that start, wait and end at once never exceed a limit."""
    await limit(world, "a", 3)
    await limit(world, "b", 2)
    flow_run = await world.run(state={"type": "RUNNING"})
    now = {"a": 0, "b": 0}
    most = {"a": 0, "b": 0}

    async def live(number: int) -> None:
        tags = (["a"], ["b"], ["b", "a"])[number % 3]
        run = await task(world, flow_run, str(number), *tags, "unlimited")
        while (await propose(world, run, "RUNNING"))["status"] == "WAIT":  # noqa: ASYNC110 - what a client does
            await asyncio.sleep(0.005)
        for tag in tags:
            now[tag] += 1
            most[tag] = max(most[tag], now[tag])
        await asyncio.sleep(0.001)
        for tag in tags:
            now[tag] -= 1
        assert (await propose(world, run, "COMPLETED"))["status"] == "ACCEPT"

    await asyncio.wait_for(asyncio.gather(*(live(number) for number in range(64))), 60)
    assert 0 < most["a"] <= 3
    assert 0 < most["b"] <= 2
    assert await holders(world, "a") == await holders(world, "b") == []


async def test_a_slot_is_held_while_the_task_runs(world: World):
    """From RUNNING through CANCELLING; every other state frees it, a wait for a retry too."""
    await limit(world, "a", 1)
    flow_run = await world.run(state={"type": "RUNNING"})
    run = await task(world, flow_run, "1", "a", retries=9)
    for kind in ("PENDING", "PAUSED", "SCHEDULED", "FAILED", "CRASHED", "COMPLETED"):
        assert (await propose(world, run, "RUNNING"))["status"] == "ACCEPT"
        assert await holders(world, "a") == [run]
        assert (await propose(world, run, "RUNNING"))["status"] == "ACCEPT"
        await propose(world, run, kind)
        assert await holders(world, "a") == [], kind
    await propose(world, run, "RUNNING")
    await propose(world, run, "CANCELLING")
    assert await holders(world, "a") == [run]
    await propose(world, run, "CANCELLED", force=True)
    assert await holders(world, "a") == []


async def test_a_task_run_that_finds_no_slot_waits_where_it_is(world: World):
    """It is told to wait, and takes no slot of its other tags; force does not ask for slots."""
    await limit(world, "a", 1)
    await limit(world, "b", 1)
    flow_run = await world.run(state={"type": "RUNNING"})
    first = await task(world, flow_run, "1", "a")
    second = await task(world, flow_run, "2", "a", "b")
    await propose(world, first, "RUNNING")
    answer = await propose(world, second, "RUNNING")
    assert (answer["status"], answer["state"]["type"]) == ("WAIT", "PENDING")
    assert answer["details"]["delay_seconds"] >= 1
    assert "'a'" in answer["details"]["reason"]
    assert await holders(world, "b") == []
    assert (await propose(world, second, "RUNNING", force=True))["status"] == "ACCEPT"
    assert await holders(world, "a") == [first]


async def test_a_tag_without_slots_stops_its_task_runs(world: World):
    """Waiting would be vain: the proposal is aborted. A limit that is switched off limits nothing."""
    await limit(world, "z", 0)
    run = await task(world, None, "1", "z")
    assert (await propose(world, run, "RUNNING"))["status"] == "ABORT"
    off = ConcurrencyLimitV2Update(active=False)
    await concurrency_limits.update_limit(world.database, world.signals, "tag:z", off)
    assert (await propose(world, run, "RUNNING"))["status"] == "ACCEPT"


async def test_a_slot_does_not_outlive_its_task_run(world: World):
    """It is free when the task run is deleted, and when its flow run is over or deleted."""
    await limit(world, "a", 2)
    alone = await task(world, None, "1", "a")
    flow_run = await world.run(state={"type": "RUNNING"})
    inside = await task(world, flow_run, "2", "a")
    for run in (alone, inside):
        await propose(world, run, "RUNNING")
    await task_runs.delete_task_run(world.database, alone)
    assert await holders(world, "a") == [inside]
    await world.propose(flow_run, "CRASHED")
    await SlotExpiryLoop(world.database, world.signals).run_once(datetime.now(UTC))
    assert await holders(world, "a") == []


async def test_a_retry_of_a_task_keeps_its_policy(world: World):
    """What the rules remember of a flow run's retries is not written into a task run's policy."""
    run = await task(world, None, "1", retries=1)
    await propose(world, run, "RUNNING")
    answer = await propose(world, run, "FAILED")
    assert answer["state"]["name"] == "AwaitingRetry"
    [row] = await world.rows(schema.task_run, id=run)
    assert "retry_type" not in row["empirical_policy"]
