"""Slots of concurrency limits: taken, kept and given back.

A slot that a client holds with a lease is a row with an end; one that is counted by hand, or that a
rate limit frees by itself, is part of a number that decays. Both are decided under one lock a limit.
"""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

from headrace.core.concurrency import new_occupancy, wait_seconds
from headrace.core.ids import new_id
from headrace.core.times import later
from headrace.errors import LeaseGone, SlotsTaken, Unprocessable
from headrace.server.store import concurrency_limits as sql
from headrace.server.store.concurrency_limits import Limit
from headrace.server.store.database import Database, Transaction

Mode = Literal["concurrency", "rate_limit"]

TAG_WAIT_SECONDS: Final = 10.0
"""When a task run that found no slot under its tags comes back: the contract's default."""


@dataclass(frozen=True, slots=True)
class Holder:
    """What a lease stands for.

    Args:
        type: `flow_run`, `task_run` or `deployment`.
        id: Which.
    """

    type: str
    id: str


@dataclass(frozen=True, slots=True)
class Lease:
    """A lease that is wanted.

    Args:
        seconds: How long it lasts unless it is renewed; None: as long as its holder is not over.
        holder: For whom.
    """

    seconds: float | None
    holder: Holder | None = None


@dataclass(frozen=True, slots=True)
class Taken:
    """What came of it: the limits concerned, and the lease."""

    limits: list[Limit]
    lease_id: str | None = None


async def take(
    database: Database,
    names: Sequence[str],
    slots: int,
    *,
    mode: Mode = "concurrency",
    lease: Lease | None = None,
) -> Taken:
    """Take slots of every limit of these names, or of none.

    Names that no limit has are passed over; a limit that is switched off always has room.

    Args:
        database: Where they are kept.
        names: Of limits.
        slots: How many of each.
        mode: `rate_limit` wants limits whose slots free themselves.
        lease: To hold them with; without one they are taken until somebody gives them back.

    Raises:
        SlotsTaken: One of them has no room now.
        Unprocessable: More slots than a limit has, or a rate limit whose slots do not decay.
    """

    def work(tx: Transaction) -> Taken | SlotsTaken:
        limits, now = lock_limits(tx, names)
        active = [limit for limit in limits if limit.active]
        _check(active, slots, mode)
        full = [one for one in active if one.active_slots(now) + slots > one.limit]
        if full:
            return _deny(tx, full, slots)
        for limit in active:
            if limit.denied:
                tx.execute(sql.DENY, {"limit_id": limit.id, "count": max(0, limit.denied - slots)})
            if lease is None or limit.decay > 0:
                _set_taken(tx, limit, limit.loose(now) + slots, now)
        if lease is None:
            return Taken(limits)
        return Taken(limits, grant(tx, [one for one in active if not one.decay], slots, lease, now))

    taken = await database.transact(work)
    if isinstance(taken, SlotsTaken):
        raise taken
    return taken


async def take_for_task(database: Database, names: Sequence[str], task_run_id: str) -> list[Limit]:
    """Take one slot of each limit for a task run, which keeps it until it is over.

    Raises `SlotsTaken`: one of them has no room now, or none ever.
    """
    lease = Lease(None, Holder("task_run", task_run_id))

    def work(tx: Transaction) -> list[Limit] | SlotsTaken:
        limits, now = lock_limits(tx, names)
        for limit in limits:
            tag = limit.name.partition(":")[2]
            if limit.limit <= 0:
                message = f"The limit of tag {tag!r} is {limit.limit}: no task may run with it."
                return SlotsTaken(message, None)
            if limit.active_slots(now) >= limit.limit:
                return SlotsTaken(f"All slots of tag {tag!r} are taken.", TAG_WAIT_SECONDS)
        if limits:
            grant(tx, limits, 1, lease, now)
        return limits

    taken = await database.transact(work)
    if isinstance(taken, SlotsTaken):
        raise taken
    return taken


async def give_back(
    database: Database, names: Sequence[str], slots: int, occupancy_seconds: float | None
) -> list[Limit]:
    """Give back slots that were taken without a lease.

    Args:
        database: Where they are kept.
        names: Of limits; unknown ones are passed over.
        slots: How many of each.
        occupancy_seconds: How long they were held, where the caller knows.
    """

    def work(tx: Transaction) -> list[Limit]:
        limits, now = lock_limits(tx, names)
        for limit in limits:
            if not limit.active:
                continue
            _set_taken(tx, limit, max(0.0, limit.loose(now) - slots), now)
            if occupancy_seconds is not None:
                seconds = new_occupancy(limit.occupancy, occupancy_seconds, slots, limit.limit)
                tx.execute(sql.OCCUPY, {"limit_id": limit.id, "seconds": seconds})
        return limits

    return await database.transact(work)


async def give_back_of_task(
    database: Database, names: Sequence[str], task_run_id: str
) -> list[Limit]:
    """Give back what a task run holds of these limits."""

    def work(tx: Transaction) -> list[Limit]:
        limits, _ = lock_limits(tx, names)
        held = {"limits": [limit.id for limit in limits], "holder_id": task_run_id}
        if limits:
            tx.execute(sql.RELEASE_HOLDER, held)
        return limits

    return await database.transact(work)


async def renew(database: Database, lease_id: str, seconds: float) -> None:
    """Let a lease last `seconds` from now. Raises `LeaseGone`."""

    def work(tx: Transaction) -> bool:
        now = tx.now()
        if tx.fetch_one(sql.LEASE, {"lease_id": lease_id, "now": now}) is None:
            return False
        until = later(now, seconds)
        return tx.execute(sql.RENEW, {"lease_id": lease_id, "until": until, "now": now}) > 0

    if not await database.transact(work):
        message = "The lease is over: it was not renewed in time, or its slots were taken away."
        raise LeaseGone(message)


async def release(database: Database, lease_id: str) -> None:
    """End a lease and give its slots back. Nothing happens where it is over already."""
    await database.transact(lambda tx: tx.execute(sql.RELEASE, {"lease_id": lease_id}))


def lock_limits(tx: Transaction, names: Sequence[str]) -> tuple[list[Limit], str]:
    """The limits of these names, which nobody else changes until the end of the transaction."""
    wanted = sorted(set(names))
    if not wanted:
        return [], tx.now()
    tx.lock(*(f"limit:{name}" for name in wanted))
    now = tx.now()
    rows = tx.fetch_all(sql.BY_NAMES, {"names": wanted, "now": now})
    return [Limit(*row) for row in rows], now


def _check(limits: Sequence[Limit], slots: int, mode: Mode) -> None:
    for limit in limits:
        if slots > limit.limit:
            message = f"{slots} slots are more than the limit {limit.name!r} has ({limit.limit})."
            raise Unprocessable(message)
    fixed = [repr(limit.name) for limit in limits if not limit.decay]
    if mode == "rate_limit" and fixed:
        message = (
            f"A rate limit needs slots that free themselves: set slot_decay_per_second of"
            f" {', '.join(fixed)} to more than 0."
        )
        raise Unprocessable(message)


def _deny(tx: Transaction, full: Sequence[Limit], slots: int) -> SlotsTaken:
    waits: list[float] = []
    for limit in full:
        tx.execute(sql.DENY, {"limit_id": limit.id, "count": limit.denied + slots})
        waits.append(wait_seconds(slots, limit.limit, limit.decay, limit.denied, limit.occupancy))
    names = ", ".join(repr(limit.name) for limit in full)
    spread = random.uniform(0.75, 1.25)  # noqa: S311 - not a secret: callers come back apart
    return SlotsTaken(f"No slot is free under {names}.", max(waits) * spread)


def _set_taken(tx: Transaction, limit: Limit, count: float, now: str) -> None:
    tx.execute(sql.TAKE, {"limit_id": limit.id, "count": count, "now": now})


def grant(tx: Transaction, limits: Sequence[Limit], slots: int, lease: Lease, now: str) -> str:
    """Write a lease of slots of these limits, which the caller has locked and found free; its id."""
    lease_id = new_id()
    made = {"created": now, "updated": now}
    tx.execute(
        sql.INSERT_LEASE,
        {
            "id": lease_id,
            **made,
            "slots": slots,
            "expires": None if lease.seconds is None else later(now, lease.seconds),
            "holder_type": lease.holder.type if lease.holder else None,
            "holder_id": lease.holder.id if lease.holder else None,
        },
    )
    rows = [{"id": new_id(), **made, "lease_id": lease_id, "limit_id": one.id} for one in limits]
    if rows:
        tx.execute(sql.INSERT_SLOT, rows)
    return lease_id
