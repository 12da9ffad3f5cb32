"""HTTP of work queues: those of a pool, and the contract's forms without one."""

from headrace.server.api.lists import choose_limit
from headrace.server.api.operations import Call, Operations
from headrace.server.services import slots, work_queues
from headrace.server.services.queue_health import read_status
from headrace.server.store.work_queues import SHAPE
from headrace.wire.decode import encode
from headrace.wire.work_queues import (
    ReadAllWorkQueuesBody,
    ReadWorkQueueConcurrencyStatusBody,
    ReadWorkQueuesBody,
    WorkQueueConcurrencyStatus,
    WorkQueueCreate,
    WorkQueueResponse,
    WorkQueueStatusDetail,
    WorkQueueUpdate,
)

operations = Operations("work queues")

AGENT_POOL = "default-agent-pool"
"""Where the contract puts a queue that names no pool."""


@operations.post(
    "/work_pools/{pool}/queues", WorkQueueCreate, returns=WorkQueueResponse, status=201
)
async def create_queue_of_pool(call: Call[WorkQueueCreate]) -> bytes:
    """Make a queue; the others make room for its priority."""
    services = call.services
    row = await work_queues.create_work_queue(
        services.database, services.signals, call.path["pool"], call.body
    )
    return SHAPE.encode(row)


@operations.get("/work_pools/{pool}/queues/{name}", returns=WorkQueueResponse)
async def read_queue_of_pool(call: Call[None]) -> bytes:
    """Read a queue by its pool and name."""
    row = await work_queues.read_queue_of_pool(
        call.services.database, call.path["pool"], call.path["name"]
    )
    return SHAPE.encode(row)


@operations.post(
    "/work_pools/{pool}/queues/filter", ReadWorkQueuesBody, returns=list[WorkQueueResponse]
)
async def read_queues_of_pool(call: Call[ReadWorkQueuesBody]) -> bytes:
    """List a pool's queues, the highest priority first."""
    body = call.body
    limit = choose_limit(call.services.config, body.limit)
    rows = await work_queues.filter_queues(
        call.services.database, call.path["pool"], body.work_queues, limit, body.offset
    )
    return SHAPE.encode_list(rows)


@operations.patch("/work_pools/{pool}/queues/{name}", WorkQueueUpdate)
async def update_queue_of_pool(call: Call[WorkQueueUpdate]) -> None:
    """Change a queue."""
    services = call.services
    row = await work_queues.read_queue_of_pool(
        services.database, call.path["pool"], call.path["name"]
    )
    await work_queues.update_work_queue(services.database, services.signals, row, call.body)


@operations.delete("/work_pools/{pool}/queues/{name}")
async def delete_queue_of_pool(call: Call[None]) -> None:
    """Delete a queue."""
    services = call.services
    row = await work_queues.read_queue_of_pool(
        services.database, call.path["pool"], call.path["name"]
    )
    await work_queues.delete_work_queue(services.database, services.signals, row)


@operations.post("/work_queues/", WorkQueueCreate, returns=WorkQueueResponse, status=201)
async def create_work_queue(call: Call[WorkQueueCreate]) -> bytes:
    """Make a queue in the pool for queues that name none."""
    services = call.services
    row = await work_queues.create_agent_queue(
        services.database, services.signals, AGENT_POOL, call.body
    )
    return SHAPE.encode(row)


@operations.get("/work_queues/{id:uuid}", returns=WorkQueueResponse)
async def read_work_queue(call: Call[None]) -> bytes:
    """Read a queue."""
    return SHAPE.encode(await work_queues.read_work_queue(call.services.database, call.path["id"]))


@operations.get("/work_queues/name/{name}", returns=WorkQueueResponse)
async def read_work_queue_by_name(call: Call[None]) -> bytes:
    """Read a queue by its name alone."""
    return SHAPE.encode(
        await work_queues.read_queue_by_name(call.services.database, call.path["name"])
    )


@operations.post("/work_queues/filter", ReadAllWorkQueuesBody, returns=list[WorkQueueResponse])
async def read_work_queues(call: Call[ReadAllWorkQueuesBody]) -> bytes:
    """List the queues of all pools."""
    body = call.body
    limit = choose_limit(call.services.config, body.limit)
    rows = await work_queues.filter_queues(
        call.services.database, None, body.work_queues, limit, body.offset
    )
    return SHAPE.encode_list(rows)


@operations.patch("/work_queues/{id:uuid}", WorkQueueUpdate)
async def update_work_queue(call: Call[WorkQueueUpdate]) -> None:
    """Change a queue."""
    services = call.services
    row = await work_queues.read_work_queue(services.database, call.path["id"])
    await work_queues.update_work_queue(services.database, services.signals, row, call.body)


@operations.delete("/work_queues/{id:uuid}")
async def delete_work_queue(call: Call[None]) -> None:
    """Delete a queue."""
    services = call.services
    row = await work_queues.read_work_queue(services.database, call.path["id"])
    await work_queues.delete_work_queue(services.database, services.signals, row)


@operations.get("/work_queues/{id:uuid}/status", returns=WorkQueueStatusDetail)
async def read_work_queue_status(call: Call[None]) -> bytes:
    """Tell whether a queue is polled and keeps up."""
    return encode(await read_status(call.services.database, call.path["id"]))


@operations.post(
    "/work_queues/{id:uuid}/concurrency_status",
    ReadWorkQueueConcurrencyStatusBody,
    returns=WorkQueueConcurrencyStatus,
)
async def read_queue_concurrency_status(call: Call[ReadWorkQueueConcurrencyStatusBody]) -> bytes:
    """Tell which runs hold a queue's slots."""
    status = await slots.queue_slots(
        call.services.database,
        call.path["id"],
        page=call.body.page,
        limit=choose_limit(call.services.config, call.body.limit),
    )
    return encode(status)
