"""Slots of concurrency limits: never too many, never for ever."""

import asyncio
from datetime import UTC, datetime
from uuid import uuid4

import pytest
from sqlalchemy import func, select

from headrace.errors import LeaseGone, SlotsTaken
from headrace.server.services import concurrency_limits as limits
from headrace.server.services import concurrency_slots as slots
from headrace.server.services.concurrency_slots import Holder, Lease
from headrace.server.services.loops.slot_expiry import SlotExpiryLoop
from headrace.server.services.signals import Signals
from headrace.server.store.database import Database
from headrace.server.store.schema import concurrency_lease, concurrency_slot
from headrace.wire.concurrency_limits import ConcurrencyLimitCreate, ConcurrencyLimitV2Create


async def make(database: Database, name: str, limit: int, decay: float = 0.0) -> None:
    body = ConcurrencyLimitV2Create(name=name, limit=limit, slot_decay_per_second=decay)
    await limits.create_limit(database, Signals(), body)


async def test_no_more_slots_than_there_are(database: Database) -> None:
    """64 clients that take, hold and give back two limits at once never hold more than each has."""
    await make(database, "a", 3)
    await make(database, "b", 5)
    held = {"a": 0, "b": 0}
    most = {"a": 0, "b": 0}
    done = 0

    async def client(number: int) -> None:
        nonlocal done
        names = (["a"], ["b"], ["b", "a"])[number % 3]
        while True:
            try:
                taken = await slots.take(database, names, 1, lease=Lease(60))
            except SlotsTaken:
                await asyncio.sleep(0.005)
                continue
            for name in names:
                held[name] += 1
                most[name] = max(most[name], held[name])
            await asyncio.sleep(0.001)
            for name in names:
                held[name] -= 1
            assert taken.lease_id is not None
            await slots.release(database, taken.lease_id)
            done += 1
            return

    await asyncio.wait_for(asyncio.gather(*(client(n) for n in range(64))), 60)
    assert done == 64
    assert (most["a"], most["b"]) <= (3, 5)
    assert [one.active_slots(one.updated) for one in await _all(database)] == [0, 0]


async def _all(database: Database) -> list[limits.Limit]:
    return await limits.list_limits(database, limit=10, offset=0)


async def test_a_lease_that_is_not_renewed_ends(database: Database) -> None:
    """Its slots are free at once, renewing it is refused, and the loop clears it away."""
    await make(database, "g", 1)
    taken = await slots.take(database, ["g"], 1, lease=Lease(-1))
    await slots.take(database, ["g"], 1, lease=Lease(60))
    assert taken.lease_id is not None
    with pytest.raises(LeaseGone, match="not renewed"):
        await slots.renew(database, taken.lease_id, 60)
    await SlotExpiryLoop(database, Signals()).run_once(datetime.now(UTC))
    for table in (concurrency_lease, concurrency_slot):
        assert (await database.fetch_all(select(func.count()).select_from(table)))[0][0] == 1


async def test_what_a_task_run_holds_goes_with_it(database: Database) -> None:
    """A slot that a task run took without an end is free once nobody can give it back."""
    await limits.set_tag_limit(
        database, Signals(), ConcurrencyLimitCreate(tag="t", concurrency_limit=1)
    )
    unknown = str(uuid4())
    await slots.take_for_task(database, ["tag:t"], unknown)
    with pytest.raises(SlotsTaken, match="'t'"):
        await slots.take_for_task(database, ["tag:t"], str(uuid4()))
    await SlotExpiryLoop(database, Signals()).run_once(datetime.now(UTC))
    (found,) = await limits.list_tag_limits(database, limit=1, offset=0)
    assert await limits.holders(database, [found]) == {found.id: [unknown]}
    await slots.give_back_of_task(database, ["tag:t"], unknown)
    await slots.take_for_task(database, ["tag:t"], str(uuid4()))


async def test_slots_that_decay_free_themselves(database: Database) -> None:
    """Those of a rate limit, leased or not, at the limit's rate."""
    await make(database, "fast", 1, decay=200.0)
    for _ in range(5):
        await slots.take(database, ["fast"], 1, mode="rate_limit")
        await asyncio.sleep(0.006)
    holder = Holder("flow_run", str(uuid4()))
    taken = await slots.take(database, ["fast"], 1, lease=Lease(60, holder))
    await asyncio.sleep(0.006)
    await slots.take(database, ["fast"], 1)
    assert taken.lease_id is not None
    await slots.renew(database, taken.lease_id, 60)
