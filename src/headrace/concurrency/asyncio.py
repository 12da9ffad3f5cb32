"""Limits of how much goes on at once, for async code."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from headrace.concurrency.wishes import SlotsInUse, stops_when_lost, wish_for
from headrace.engine.async_driver import drive
from headrace.engine.slots import spend
from headrace.errors import (
    AcquireConcurrencySlotTimeoutError,
    ConcurrencyLeaseLost,
    ConcurrencySlotAcquisitionError,
)
from headrace.wire.concurrency_limits import ConcurrencyLeaseHolder

__all__ = [
    "AcquireConcurrencySlotTimeoutError",
    "ConcurrencyLeaseLost",
    "ConcurrencySlotAcquisitionError",
    "concurrency",
    "rate_limit",
]


@asynccontextmanager
async def concurrency(  # noqa: PLR0917 - the contract's signature
    names: str | list[str],
    occupy: int = 1,
    timeout_seconds: float | None = None,
    max_retries: int | None = None,
    lease_duration: float = 300,
    strict: bool = False,
    holder: ConcurrencyLeaseHolder | None = None,
    raise_on_lease_renewal_failure: bool | None = None,
) -> AsyncGenerator[None, None]:
    """Hold slots of concurrency limits within this block; as `headrace.concurrency.sync`.

    Raises:
        ConcurrencySlotAcquisitionError: They cannot be had.
        AcquireConcurrencySlotTimeoutError: None came free in time.
        ConcurrencyLeaseLost: They were lost within the block, whose task was cancelled then.
    """
    wish = wish_for(names, occupy, timeout_seconds, max_retries, strict)
    stops = stops_when_lost(strict, raise_on_lease_renewal_failure)
    loop, task = asyncio.get_running_loop(), asyncio.current_task()
    assert task is not None

    slots = SlotsInUse(wish, stops, lambda: loop.call_soon_threadsafe(task.cancel))
    await drive(slots.begin(lease_duration, holder))
    try:
        yield
    except asyncio.CancelledError:
        if slots.lost is None or not stops:
            raise
        task.uncancel()  # it was for the slots: what ends the block is their loss
    finally:
        slots.stop_renewing()
        await asyncio.shield(drive(slots.end()))
    slots.check()


async def rate_limit(
    names: str | list[str],
    occupy: int = 1,
    timeout_seconds: float | None = None,
    strict: bool = False,
) -> None:
    """Wait until rate limits let this go on; as `headrace.concurrency.sync`."""
    await drive(spend(wish_for(names, occupy, timeout_seconds, None, strict)))
