"""Concurrency limits from Python: held within a block, and by the tags of tasks."""

import asyncio
import threading
import time
from typing import Any

import pytest

from headrace import flow, task
from headrace.concurrency import asyncio as limits_async
from headrace.concurrency import sync as limits
from headrace.concurrency.sync import (
    AcquireConcurrencySlotTimeoutError,
    ConcurrencyLeaseLost,
    ConcurrencySlotAcquisitionError,
)
from headrace.engine import slot_renewal


def make(api: Any, name: str, limit: int, **fields: object) -> None:
    body = {"name": name, "limit": limit, **fields}
    assert api.server.post("/v2/concurrency_limits/", body).status == 201


def active(api: Any, name: str) -> int:
    return api.server.get(f"/v2/concurrency_limits/{name}").json["active_slots"]


def test_a_block_holds_its_slots(api: Any):
    """Of every name, and gives them back at its end, also when it fails."""
    make(api, "a", 2)
    make(api, "b", 3)
    with limits.concurrency(["a", "b"], occupy=2):
        assert (active(api, "a"), active(api, "b")) == (2, 2)
    assert (active(api, "a"), active(api, "b")) == (0, 0)
    with pytest.raises(KeyError), limits.concurrency("a"):
        raise KeyError
    assert active(api, "a") == 0


def test_threads_take_turns(api: Any):
    """A limit of one lets one block after the other go on."""
    make(api, "one", 1)
    inside: list[int] = []
    most: list[int] = []

    def work() -> None:
        with limits.concurrency("one"):
            inside.append(1)
            most.append(len(inside))
            time.sleep(0.01)
            inside.pop()

    threads = [threading.Thread(target=work) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert most == [1, 1, 1]


def test_what_cannot_be_had_is_an_error(api: Any):
    """More than there are, a name that must exist, no room in time or in so many attempts."""
    make(api, "one", 1)
    with pytest.raises(ConcurrencySlotAcquisitionError, match="more than"):
        limits.concurrency("one", occupy=2).__enter__()
    with pytest.raises(ConcurrencySlotAcquisitionError, match="make it first"):
        limits.concurrency("nobody", strict=True).__enter__()
    with pytest.raises(ConcurrencySlotAcquisitionError, match="decay"):
        limits.rate_limit("one")
    with limits.concurrency("one"):
        with pytest.raises(AcquireConcurrencySlotTimeoutError, match=r"0\.1 seconds"):
            limits.concurrency("one", timeout_seconds=0.1).__enter__()
        with pytest.raises(ConcurrencySlotAcquisitionError, match="1 attempts"):
            limits.concurrency("one", max_retries=0).__enter__()
    with pytest.raises(TimeoutError), limits.concurrency("one"):
        limits.concurrency("one", timeout_seconds=0).__enter__()
    assert active(api, "one") == 0


def test_what_nothing_limits_goes_on(api: Any):
    """An unknown name, or none."""
    del api
    with limits.concurrency("nobody"), limits.concurrency([], strict=True):
        limits.rate_limit("nobody")


def test_a_rate_limit_lets_through_as_many_as_decay(api: Any):
    """Two at once, and then fifty a second."""
    make(api, "rate", 2, slot_decay_per_second=50)
    for _ in range(4):
        limits.rate_limit("rate", timeout_seconds=10)
    with pytest.raises(ConcurrencySlotAcquisitionError, match="more than"):
        limits.rate_limit("rate", occupy=3)


def test_async_blocks_hold_slots_too(api: Any):
    """Two at once where two are allowed; a rate limit awaits."""
    make(api, "two", 2)
    make(api, "rate", 1, slot_decay_per_second=100)
    inside = 0
    most = 0

    async def work() -> None:
        nonlocal inside, most
        async with limits_async.concurrency("two", timeout_seconds=30):
            inside += 1
            most = max(most, inside)
            await asyncio.sleep(0.01)
            inside -= 1
        await limits_async.rate_limit("rate")

    async def all_of_them() -> None:
        await asyncio.gather(*(work() for _ in range(4)))

    asyncio.run(all_of_them())
    assert most == 2
    assert active(api, "two") == 0


@pytest.fixture
def quick_renewals(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leases are renewed at once and often."""
    monkeypatch.setattr(slot_renewal, "TICK", 0.02)
    monkeypatch.setattr(slot_renewal, "SHARE", 0.0)


def test_slots_that_are_lost_stop_a_strict_block(api: Any, quick_renewals: None):
    """The lease is renewed; once it is gone the block is interrupted."""
    del quick_renewals
    make(api, "one", 1)
    with pytest.raises(ConcurrencyLeaseLost), limits.concurrency("one", strict=True):
        _until_lost(api)


def end_lease(api: Any) -> None:
    """As if the server had not heard of it for too long."""
    [lease_id] = slot_renewal.renewals._leases
    body = {"lease_id": str(lease_id)}
    assert api.server.post("/v2/concurrency_limits/decrement-with-lease", body).status == 204


def _until_lost(api: Any) -> None:
    end_lease(api)
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        time.sleep(0.01)


def test_slots_that_are_lost_stop_a_strict_async_block(api: Any, quick_renewals: None):
    """What it awaits is cancelled."""
    del quick_renewals
    make(api, "one", 1)

    async def work() -> None:
        async with limits_async.concurrency("one", strict=True):
            await asyncio.to_thread(end_lease, api)
            await asyncio.sleep(20)

    with pytest.raises(ConcurrencyLeaseLost):
        asyncio.run(work())


def test_a_tag_limits_the_tasks_of_a_flow(api: Any):
    """No more of them run at once than the tag allows, retries included; the slots come free."""
    body = {"tag": "db", "concurrency_limit": 1}
    assert api.server.post("/concurrency_limits/", body).status == 201
    inside: list[int] = []
    most: list[int] = []
    failed: list[int] = []

    @task(tags=["db"], retries=1)
    def query(number: int) -> int:
        inside.append(number)
        most.append(len(inside))
        try:
            time.sleep(0.01)
            if number == 0 and not failed:
                failed.append(number)
                raise ValueError
        finally:
            inside.pop()
        return number

    @flow
    def report() -> list[int]:
        return [future.result() for future in query.map([0, 1, 2])]

    assert report() == [0, 1, 2]
    assert most == [1, 1, 1, 1]
    assert api.server.get("/concurrency_limits/tag/db").json["active_slots"] == []


def test_a_tag_without_slots_fails_its_tasks(api: Any):
    """At once, whatever their retries: waiting would be vain."""
    body = {"tag": "off", "concurrency_limit": 0}
    assert api.server.post("/concurrency_limits/", body).status == 201

    @task(tags=["off"], retries=5)
    def never() -> None:
        raise AssertionError

    @flow
    def tries() -> str:
        return never(return_state=True).name

    assert tries() == "Failed"
