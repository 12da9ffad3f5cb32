"""HTTP of concurrency limits by tag of task runs: the contract's older form."""

from uuid import UUID

from headrace.core.times import to_datetime
from headrace.server.api.lists import choose_limit
from headrace.server.api.operations import Answer, Call, Operations
from headrace.server.services import concurrency_limits, concurrency_slots
from headrace.server.services.concurrency_limits import TAG
from headrace.server.store.concurrency_limits import Limit
from headrace.server.store.database import Database
from headrace.wire.concurrency_limits import (
    ConcurrencyLimit,
    ConcurrencyLimitCreate,
    DecrementConcurrencyLimitsV1Body,
    IncrementConcurrencyLimitsV1Body,
    MinimalConcurrencyLimitResponse,
    ReadConcurrencyLimitsBody,
    ResetConcurrencyLimitByTagBody,
)
from headrace.wire.decode import encode

operations = Operations("concurrency limits")


@operations.post(
    "/concurrency_limits/", ConcurrencyLimitCreate, returns=ConcurrencyLimit, also=(201,)
)
async def create_tag_limit(call: Call[ConcurrencyLimitCreate]) -> Answer:
    """Make the limit of a tag, or change it."""
    database = call.services.database
    found, created = await concurrency_limits.set_tag_limit(
        database, call.services.signals, call.body
    )
    (shown,) = await _shown(database, [found])
    return Answer(201 if created else 200, encode(shown))


@operations.get("/concurrency_limits/{id:uuid}", returns=ConcurrencyLimit)
async def read_tag_limit(call: Call[None]) -> bytes:
    """Read the limit of a tag."""
    database = call.services.database
    found = await concurrency_limits.read_tag_limit(database, key=call.path["id"])
    return encode((await _shown(database, [found]))[0])


@operations.get("/concurrency_limits/tag/{tag}", returns=ConcurrencyLimit)
async def read_tag_limit_by_tag(call: Call[None]) -> bytes:
    """Read the limit of a tag by the tag."""
    database = call.services.database
    found = await concurrency_limits.read_tag_limit(database, tag=call.path["tag"])
    return encode((await _shown(database, [found]))[0])


@operations.post(
    "/concurrency_limits/filter", ReadConcurrencyLimitsBody, returns=list[ConcurrencyLimit]
)
async def read_tag_limits(call: Call[ReadConcurrencyLimitsBody]) -> bytes:
    """List the limits of tags."""
    database = call.services.database
    limit = choose_limit(call.services.config, call.body.limit)
    found = await concurrency_limits.list_tag_limits(database, limit=limit, offset=call.body.offset)
    return encode(await _shown(database, found))


@operations.post("/concurrency_limits/tag/{tag}/reset", ResetConcurrencyLimitByTagBody)
async def reset_tag_limit(call: Call[ResetConcurrencyLimitByTagBody]) -> None:
    """Free all slots of a tag, or name the task runs that hold them."""
    holders = [str(one) for one in call.body.slot_override or []]
    await concurrency_limits.reset_tag_limit(call.services.database, call.path["tag"], holders)


@operations.delete("/concurrency_limits/{id:uuid}", status=200)
async def delete_tag_limit(call: Call[None]) -> None:
    """Delete the limit of a tag."""
    await concurrency_limits.delete_tag_limit(
        call.services.database, call.services.signals, key=call.path["id"]
    )


@operations.delete("/concurrency_limits/tag/{tag}", status=200)
async def delete_tag_limit_by_tag(call: Call[None]) -> None:
    """Delete the limit of a tag by the tag."""
    await concurrency_limits.delete_tag_limit(
        call.services.database, call.services.signals, tag=call.path["tag"]
    )


@operations.post(
    "/concurrency_limits/increment",
    IncrementConcurrencyLimitsV1Body,
    returns=list[MinimalConcurrencyLimitResponse],
)
async def increment_tag_slots(call: Call[IncrementConcurrencyLimitsV1Body]) -> bytes:
    """Take a slot of each tag for a task run."""
    body = call.body
    names = [TAG + name for name in body.names]
    limits = await concurrency_slots.take_for_task(
        call.services.database, names, str(body.task_run_id)
    )
    return encode([_minimal(one, one.name.removeprefix(TAG)) for one in limits])


@operations.post(
    "/concurrency_limits/decrement",
    DecrementConcurrencyLimitsV1Body,
    returns=list[MinimalConcurrencyLimitResponse],
)
async def decrement_tag_slots(call: Call[DecrementConcurrencyLimitsV1Body]) -> bytes:
    """Give back what a task run holds of these tags."""
    body = call.body
    names = [TAG + name for name in body.names]
    limits = await concurrency_slots.give_back_of_task(
        call.services.database, names, str(body.task_run_id)
    )
    return encode([_minimal(one, one.name) for one in limits])


async def _shown(database: Database, limits: list[Limit]) -> list[ConcurrencyLimit]:
    holders = await concurrency_limits.holders(database, limits)
    return [
        ConcurrencyLimit(
            id=UUID(limit.id),
            created=to_datetime(limit.created),
            updated=to_datetime(limit.updated),
            tag=limit.name.removeprefix(TAG),
            concurrency_limit=limit.limit,
            active_slots=[UUID(holder) for holder in holders[limit.id]],
        )
        for limit in limits
    ]


def _minimal(limit: Limit, name: str) -> MinimalConcurrencyLimitResponse:
    return MinimalConcurrencyLimitResponse(id=UUID(limit.id), name=name, limit=limit.limit)
