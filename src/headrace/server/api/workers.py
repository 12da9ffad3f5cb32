"""HTTP of workers."""

from headrace.server.api.lists import choose_limit
from headrace.server.api.operations import Call, Operations
from headrace.server.services import workers
from headrace.server.services.work_pools import find_pool_id
from headrace.server.store.workers import SHAPE
from headrace.wire.workers import ReadWorkersBody, WorkerHeartbeatBody, WorkerResponse

operations = Operations("workers")


@operations.post("/work_pools/{pool}/workers/heartbeat", WorkerHeartbeatBody, status=204)
async def record_heartbeat(call: Call[WorkerHeartbeatBody]) -> None:
    """Hear from a worker; the first time it is registered."""
    pool_id = await find_pool_id(call.services.database, call.path["pool"])
    body = call.body
    await call.services.liveness.beat(pool_id, body.name, body.heartbeat_interval_seconds)


@operations.post("/work_pools/{pool}/workers/filter", ReadWorkersBody, returns=list[WorkerResponse])
async def read_workers(call: Call[ReadWorkersBody]) -> bytes:
    """List a pool's workers, the one heard of last first."""
    body = call.body
    limit = choose_limit(call.services.config, body.limit)
    rows = await workers.filter_workers(
        call.services.database, call.path["pool"], body.workers, limit, body.offset
    )
    return SHAPE.encode_list(rows)


@operations.delete("/work_pools/{pool}/workers/{name}")
async def delete_worker(call: Call[None]) -> None:
    """Forget a worker."""
    services = call.services
    await workers.delete_worker(
        services.database, services.liveness, call.path["pool"], call.path["name"]
    )
