"""HTTP of concurrency limits, by name."""

from uuid import UUID

from headrace.core.times import now_text, to_datetime
from headrace.server.api.lists import choose_limit
from headrace.server.api.operations import Call, Operations
from headrace.server.services import concurrency_limits, concurrency_slots
from headrace.server.services.concurrency_slots import Holder, Lease
from headrace.server.store.concurrency_limits import Limit
from headrace.wire.concurrency_limits import (
    BulkDecrementActiveSlotsBody,
    BulkDecrementActiveSlotsWithLeaseBody,
    BulkIncrementActiveSlotsBody,
    BulkIncrementActiveSlotsWithLeaseBody,
    ConcurrencyLimitV2,
    ConcurrencyLimitV2Create,
    ConcurrencyLimitV2Update,
    ConcurrencyLimitWithLeaseResponse,
    GlobalConcurrencyLimitResponse,
    MinimalConcurrencyLimitResponse,
    ReadAllConcurrencyLimitsV2Body,
    RenewConcurrencyLeaseBody,
)
from headrace.wire.decode import encode

operations = Operations("concurrency limits")


@operations.post(
    "/v2/concurrency_limits/", ConcurrencyLimitV2Create, returns=ConcurrencyLimitV2, status=201
)
async def create_concurrency_limit(call: Call[ConcurrencyLimitV2Create]) -> bytes:
    """Make a limit."""
    made = await concurrency_limits.create_limit(
        call.services.database, call.services.signals, call.body
    )
    return encode(
        ConcurrencyLimitV2(
            id=UUID(made.id),
            created=to_datetime(made.created),
            updated=to_datetime(made.updated),
            active=made.active,
            name=made.name,
            limit=made.limit,
            active_slots=made.active_slots(made.created),
            denied_slots=made.denied,
            slot_decay_per_second=made.decay,
            avg_slot_occupancy_seconds=made.occupancy,
        )
    )


@operations.get("/v2/concurrency_limits/{id_or_name}", returns=GlobalConcurrencyLimitResponse)
async def read_concurrency_limit(call: Call[None]) -> bytes:
    """Read a limit by its id or name."""
    found = await concurrency_limits.read_limit(call.services.database, call.path["id_or_name"])
    return encode(_shown(found, now_text()))


@operations.post(
    "/v2/concurrency_limits/filter",
    ReadAllConcurrencyLimitsV2Body,
    returns=list[GlobalConcurrencyLimitResponse],
)
async def read_concurrency_limits(call: Call[ReadAllConcurrencyLimitsV2Body]) -> bytes:
    """List limits."""
    limit = choose_limit(call.services.config, call.body.limit)
    found = await concurrency_limits.list_limits(
        call.services.database, limit=limit, offset=call.body.offset
    )
    now = now_text()
    return encode([_shown(one, now) for one in found])


@operations.patch("/v2/concurrency_limits/{id_or_name}", ConcurrencyLimitV2Update)
async def update_concurrency_limit(call: Call[ConcurrencyLimitV2Update]) -> None:
    """Change a limit."""
    key = call.path["id_or_name"]
    await concurrency_limits.update_limit(
        call.services.database, call.services.signals, key, call.body
    )


@operations.delete("/v2/concurrency_limits/{id_or_name}")
async def delete_concurrency_limit(call: Call[None]) -> None:
    """Delete a limit."""
    await concurrency_limits.delete_limit(
        call.services.database, call.services.signals, call.path["id_or_name"]
    )


@operations.post(
    "/v2/concurrency_limits/increment",
    BulkIncrementActiveSlotsBody,
    returns=list[MinimalConcurrencyLimitResponse],
)
async def increment_slots(call: Call[BulkIncrementActiveSlotsBody]) -> bytes:
    """Take slots until they are given back."""
    body = call.body
    taken = await concurrency_slots.take(
        call.services.database, body.names, body.slots, mode=body.mode
    )
    return encode(_minimal(taken.limits))


@operations.post(
    "/v2/concurrency_limits/decrement",
    BulkDecrementActiveSlotsBody,
    returns=list[MinimalConcurrencyLimitResponse],
)
async def decrement_slots(call: Call[BulkDecrementActiveSlotsBody]) -> bytes:
    """Give slots back."""
    body = call.body
    limits = await concurrency_slots.give_back(
        call.services.database, body.names, body.slots, body.occupancy_seconds
    )
    return encode(_minimal(limits))


@operations.post(
    "/v2/concurrency_limits/increment-with-lease",
    BulkIncrementActiveSlotsWithLeaseBody,
    returns=ConcurrencyLimitWithLeaseResponse,
)
async def increment_slots_with_lease(call: Call[BulkIncrementActiveSlotsWithLeaseBody]) -> bytes:
    """Take slots for as long as the lease is renewed."""
    body = call.body
    holder = None if body.holder is None else Holder(body.holder.type, str(body.holder.id))
    taken = await concurrency_slots.take(
        call.services.database,
        body.names,
        body.slots,
        mode=body.mode,
        lease=Lease(body.lease_duration, holder),
    )
    return encode({"lease_id": taken.lease_id, "limits": _minimal(taken.limits)})


@operations.post(
    "/v2/concurrency_limits/decrement-with-lease",
    BulkDecrementActiveSlotsWithLeaseBody,
    status=204,
)
async def decrement_slots_with_lease(call: Call[BulkDecrementActiveSlotsWithLeaseBody]) -> None:
    """End a lease."""
    await concurrency_slots.release(call.services.database, str(call.body.lease_id))


@operations.post(
    "/v2/concurrency_limits/leases/{lease_id:uuid}/renew", RenewConcurrencyLeaseBody, status=204
)
async def renew_lease(call: Call[RenewConcurrencyLeaseBody]) -> None:
    """Let a lease last longer."""
    key, seconds = call.path["lease_id"], call.body.lease_duration
    await concurrency_slots.renew(call.services.database, key, seconds)


def _shown(limit: Limit, now: str) -> GlobalConcurrencyLimitResponse:
    return GlobalConcurrencyLimitResponse(
        id=UUID(limit.id),
        created=to_datetime(limit.created),
        updated=to_datetime(limit.updated),
        active=limit.active,
        name=limit.name,
        limit=limit.limit,
        active_slots=limit.active_slots(now),
        slot_decay_per_second=limit.decay,
    )


def _minimal(limits: list[Limit]) -> list[MinimalConcurrencyLimitResponse]:
    return [
        MinimalConcurrencyLimitResponse(id=UUID(one.id), name=one.name, limit=one.limit)
        for one in limits
    ]
