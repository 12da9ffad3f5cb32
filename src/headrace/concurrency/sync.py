"""Limits of how much goes on at once, for synchronous code."""

import ctypes
import threading
from collections.abc import Generator
from contextlib import contextmanager

from headrace.concurrency.wishes import SlotsInUse, stops_when_lost, wish_for
from headrace.engine.drivers import drive
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


@contextmanager
def concurrency(  # noqa: PLR0917 - the contract's signature
    names: str | list[str],
    occupy: int = 1,
    timeout_seconds: float | None = None,
    max_retries: int | None = None,
    lease_duration: float = 300,
    strict: bool = False,
    holder: ConcurrencyLeaseHolder | None = None,
    raise_on_lease_renewal_failure: bool | None = None,
) -> Generator[None, None, None]:
    """Hold slots of concurrency limits within this block.

    Args:
        names: Of the limits: slots of all of them are held, or of none.
        occupy: Slots of each.
        timeout_seconds: How long to wait for them; None: for ever.
        max_retries: How often to ask again when none is free; None: without end.
        lease_duration: Seconds, 60 to 86,400, after which the slots are free if this process dies.
        strict: Refuse to start where no limit of these names exists.
        holder: The run they are for; by default the one that runs here.
        raise_on_lease_renewal_failure: Stop the block when the slots are lost, because the server
            was away for longer than the lease; by default where it is strict.

    Raises:
        ConcurrencySlotAcquisitionError: They cannot be had.
        AcquireConcurrencySlotTimeoutError: None came free in time.
        ConcurrencyLeaseLost: They were lost within the block.
    """
    wish = wish_for(names, occupy, timeout_seconds, max_retries, strict)
    stops = stops_when_lost(strict, raise_on_lease_renewal_failure)
    thread_id = threading.get_ident()

    def interrupt() -> None:
        ctypes.pythonapi.PyThreadState_SetAsyncExc(
            ctypes.c_ulong(thread_id), ctypes.py_object(ConcurrencyLeaseLost)
        )

    slots = SlotsInUse(wish, stops, interrupt)
    drive(slots.begin(lease_duration, holder))
    try:
        yield
    finally:
        slots.stop_renewing()
        drive(slots.end())
    slots.check()


def rate_limit(
    names: str | list[str],
    occupy: int = 1,
    timeout_seconds: float | None = None,
    strict: bool = False,
) -> None:
    """Wait until rate limits let this go on.

    Args:
        names: Of limits whose slots free themselves (`slot_decay_per_second`).
        occupy: Slots of each.
        timeout_seconds: How long to wait for them; None: for ever.
        strict: Refuse to go on where no limit of these names exists.

    Raises:
        ConcurrencySlotAcquisitionError: They cannot be had.
        AcquireConcurrencySlotTimeoutError: None came free in time.
    """
    drive(spend(wish_for(names, occupy, timeout_seconds, None, strict)))
