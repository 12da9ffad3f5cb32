"""Slots of concurrency limits: waiting for them, holding them by a lease, giving them back.

One generator for sync and async, see `commands`. `headrace.concurrency` is the public side; the task
lifecycle uses it for tags that limit their task runs.
"""

import logging
import time
from collections.abc import Generator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final
from uuid import UUID

from headrace.client.concurrency_limits import lease_slots, release_lease, take_slots
from headrace.context import FlowRunContext, TaskRunContext
from headrace.core.ids import new_id
from headrace.engine.api import api
from headrace.engine.commands import Command, Request, Sleep
from headrace.engine.proposals import AWAY, outlast
from headrace.engine.reporting import report_event
from headrace.errors import (
    AcquireConcurrencySlotTimeoutError,
    ConcurrencySlotAcquisitionError,
    SlotsTaken,
    Unprocessable,
    ValidationFailed,
)
from headrace.wire.concurrency_limits import (
    BulkDecrementActiveSlotsWithLeaseBody,
    BulkIncrementActiveSlotsBody,
    BulkIncrementActiveSlotsWithLeaseBody,
    ConcurrencyLeaseHolder,
    ConcurrencyLimitWithLeaseResponse,
    MinimalConcurrencyLimitResponse,
)
from headrace.wire.events import Event

_log = logging.getLogger("headrace.concurrency")

NO_TIME_NAMED: Final = 1.0
"""Seconds until the next attempt, where the server names none."""


@dataclass(frozen=True, slots=True)
class Wish:
    """The slots that are wanted.

    Args:
        names: Of the limits; all of them or none are taken.
        occupy: Slots of each.
        timeout_seconds: How long to wait for them; None: for ever.
        max_retries: How often to ask again; None: without end.
        strict: All limits must exist.
    """

    names: Sequence[str]
    occupy: int = 1
    timeout_seconds: float | None = None
    max_retries: int | None = None
    strict: bool = False


@dataclass(frozen=True, slots=True)
class Held:
    """Slots that are held until `release`.

    Args:
        lease_id: Of the lease on the server.
        limits: Those that exist of the names asked for.
        occupy: Slots of each.
        since: Monotonic seconds when they were asked for: the lease lasts from then at least.
        lease_duration: Seconds.
        events: Ids of the events that told of it, by limit.
    """

    lease_id: UUID
    limits: Sequence[MinimalConcurrencyLimitResponse]
    occupy: int
    since: float
    lease_duration: float
    events: dict[UUID, UUID]


def hold(
    wish: Wish, lease_duration: float, holder: ConcurrencyLeaseHolder | None
) -> Generator[Command, Any, Held | None]:
    """Wait for slots and hold them by a lease; None where nothing limits.

    Args:
        wish: Which slots.
        lease_duration: Seconds that the lease lasts unless it is renewed.
        holder: The run that they are for, as the server shows it.

    Raises:
        ConcurrencySlotAcquisitionError: They cannot be had.
        AcquireConcurrencySlotTimeoutError: They did not come free in time.
    """
    if not wish.names:
        return None
    body = BulkIncrementActiveSlotsWithLeaseBody(
        names=list(wish.names), slots=wish.occupy, lease_duration=lease_duration, holder=holder
    )
    since = time.monotonic()

    def ask() -> ConcurrencyLimitWithLeaseResponse:
        nonlocal since
        since = time.monotonic()
        return lease_slots(api(), body)

    answer: ConcurrencyLimitWithLeaseResponse = yield from _until_free(wish, ask)
    if not answer.limits:
        _nothing_there(wish)
        return None
    told = {limit.id: _tell("acquired", limit, wish.occupy) for limit in answer.limits}
    return Held(answer.lease_id, answer.limits, wish.occupy, since, lease_duration, told)


def release(held: Held) -> Generator[Command, Any, None]:
    """Give slots back. Where the server is away the lease ends by itself."""
    body = BulkDecrementActiveSlotsWithLeaseBody(lease_id=held.lease_id)
    try:
        yield Request(release_lease, api(), body)
    except AWAY as error:
        _log.warning(
            "Slots of %s could not be given back (%s): they come free when their lease ends.",
            ", ".join(limit.name for limit in held.limits),
            error,
        )
    for limit in held.limits:
        _tell("released", limit, held.occupy, held.events[limit.id])


def spend(wish: Wish) -> Generator[Command, Any, None]:
    """Wait for slots of rate limits, which free themselves. Raises as `hold`."""
    if not wish.names:
        return
    body = BulkIncrementActiveSlotsBody(
        names=list(wish.names), slots=wish.occupy, mode="rate_limit"
    )
    limits: list[MinimalConcurrencyLimitResponse] = yield from _until_free(
        wish, lambda: take_slots(api(), body)
    )
    if not limits:
        _nothing_there(wish)
    for limit in limits:
        _tell("acquired", limit, wish.occupy)


def _until_free(wish: Wish, ask: Any) -> Generator[Command, Any, Any]:
    """Ask until there is room, as often and as long as is wished."""
    names = ", ".join(repr(name) for name in wish.names)
    started, tries = time.monotonic(), 0
    while True:
        try:
            return (yield from outlast(ask))
        except SlotsTaken as taken:
            if wish.max_retries is not None and tries >= wish.max_retries:
                message = f"No slot of {names} came free in {tries + 1} attempts: {taken}"
                raise ConcurrencySlotAcquisitionError(message) from taken
            pause = NO_TIME_NAMED if taken.retry_after is None else taken.retry_after
        except (Unprocessable, ValidationFailed) as error:
            message = f"Slots of {names} cannot be had: {error}"
            raise ConcurrencySlotAcquisitionError(message) from error
        tries += 1
        if wish.timeout_seconds is not None:
            left = wish.timeout_seconds - (time.monotonic() - started)
            if left <= 0:
                message = f"No slot of {names} came free within {wish.timeout_seconds} seconds."
                raise AcquireConcurrencySlotTimeoutError(message)
            pause = min(pause, left)
        yield Sleep(pause)


def _nothing_there(wish: Wish) -> None:
    """Nothing limits: a mistake where it is to be strict."""
    names = ", ".join(repr(name) for name in wish.names)
    if wish.strict:
        message = f"There is no concurrency limit of the name {names}; make it first."
        raise ConcurrencySlotAcquisitionError(message)
    if not all(name.startswith("tag:") for name in wish.names):
        _log.warning("There is no concurrency limit of the name %s: nothing limits here.", names)


def _tell(
    what: str, limit: MinimalConcurrencyLimitResponse, slots: int, follows: UUID | None = None
) -> UUID:
    """Report an event; its id."""
    event = Event(
        id=UUID(new_id()),
        occurred=datetime.now(UTC),
        event=f"prefect.concurrency-limit.{what}",
        resource={
            "prefect.resource.id": f"prefect.concurrency-limit.{limit.id}",
            "prefect.resource.name": limit.name,
            "slots-acquired": str(slots),
            "limit": str(limit.limit),
        },
        related=_related(),
        follows=follows,
    )
    report_event(event)
    return event.id


def _related() -> list[dict[str, str]]:
    flow, task = FlowRunContext.get(), TaskRunContext.get()
    related = [] if flow is None else list(flow.related)
    if task is not None:
        run = task.task_run
        related.append(
            {
                "prefect.resource.id": f"prefect.task-run.{run.id}",
                "prefect.resource.role": "task-run",
                "prefect.resource.name": run.name,
            }
        )
    return related


def holder_here() -> ConcurrencyLeaseHolder | None:
    """The run that runs here, as the holder of a lease."""
    task = TaskRunContext.get()
    if task is not None:
        return ConcurrencyLeaseHolder(type="task_run", id=task.task_run.id)
    flow = FlowRunContext.get()
    if flow is not None:
        return ConcurrencyLeaseHolder(type="flow_run", id=UUID(flow.flow_run_id))
    return None
