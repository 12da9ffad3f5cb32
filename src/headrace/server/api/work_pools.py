"""HTTP of work pools."""

from headrace.server.api.lists import choose_limit
from headrace.server.api.operations import Call, Operations
from headrace.server.services import slots, work_pools
from headrace.server.store.work_pools import SHAPE
from headrace.wire.decode import encode
from headrace.wire.work_pools import (
    CountWorkPoolsBody,
    ReadWorkPoolConcurrencyStatusBody,
    ReadWorkPoolsBody,
    WorkPoolConcurrencyStatus,
    WorkPoolCreate,
    WorkPoolResponse,
    WorkPoolUpdate,
)

operations = Operations("work pools")


@operations.post("/work_pools/", WorkPoolCreate, returns=WorkPoolResponse, status=201)
async def create_work_pool(call: Call[WorkPoolCreate]) -> bytes:
    """Make a pool, with its default queue."""
    return SHAPE.encode(
        await work_pools.create_work_pool(call.services.database, call.services.signals, call.body)
    )


@operations.get("/work_pools/{name}", returns=WorkPoolResponse)
async def read_work_pool(call: Call[None]) -> bytes:
    """Read a pool, by its name or id."""
    return SHAPE.encode(await work_pools.read_work_pool(call.services.database, call.path["name"]))


@operations.post("/work_pools/filter", ReadWorkPoolsBody, returns=list[WorkPoolResponse])
async def read_work_pools(call: Call[ReadWorkPoolsBody]) -> bytes:
    """List pools by name."""
    body = call.body
    limit = choose_limit(call.services.config, body.limit)
    rows = await work_pools.filter_pools(
        call.services.database, body.work_pools, limit, body.offset
    )
    return SHAPE.encode_list(rows)


@operations.post("/work_pools/count", CountWorkPoolsBody, returns=int)
async def count_work_pools(call: Call[CountWorkPoolsBody]) -> bytes:
    """Count pools."""
    return encode(await work_pools.count_pools(call.services.database, call.body.work_pools))


@operations.patch("/work_pools/{name}", WorkPoolUpdate)
async def update_work_pool(call: Call[WorkPoolUpdate]) -> None:
    """Change a pool."""
    services = call.services
    await work_pools.update_work_pool(
        services.database, services.signals, call.path["name"], call.body
    )


@operations.delete("/work_pools/{name}")
async def delete_work_pool(call: Call[None]) -> None:
    """Delete a pool with its queues and workers."""
    services = call.services
    await work_pools.delete_work_pool(services.database, services.signals, call.path["name"])


@operations.post(
    "/work_pools/{name}/concurrency_status",
    ReadWorkPoolConcurrencyStatusBody,
    returns=WorkPoolConcurrencyStatus,
)
async def read_pool_concurrency_status(call: Call[ReadWorkPoolConcurrencyStatusBody]) -> bytes:
    """Tell which runs hold a pool's slots, by queue."""
    body = call.body
    status = await slots.pool_slots(
        call.services.database,
        call.path["name"],
        page=body.page,
        limit=choose_limit(call.services.config, body.limit),
        runs_each=body.flow_run_limit,
    )
    return encode(status)
