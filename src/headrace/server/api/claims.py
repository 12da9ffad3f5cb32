"""HTTP of claims and leases: how Headrace's own workers and runners take work and keep it."""

import msgspec

from headrace.errors import ValidationFailed
from headrace.server.api.operations import Answer, Call, Operations
from headrace.server.api.waiting import CallerGone, wait_for_caller
from headrace.server.services.claimed_runs import Claimed, describe_runs
from headrace.server.services.claims import Answer as ClaimAnswer
from headrace.server.services.container import Services
from headrace.server.services.grants import Demand
from headrace.server.services.jobs import explain_job
from headrace.server.services.leases import give_up, renew
from headrace.server.services.opening import Opened, open_pool, open_served
from headrace.server.services.wait_reasons import explain
from headrace.wire.claims import ClaimBody, ClaimResponse, RenewBody, RenewResponse, WaitReason
from headrace.wire.decode import encode
from headrace.wire.faults import make_fault
from headrace.wire.jobs import JobAccount

operations = Operations("claims")


class _Response(msgspec.Struct):
    claim_id: str
    lease_seconds: float
    runs: list[Claimed]
    cancelling: list[str]


@operations.post("/headrace/claims", ClaimBody, returns=ClaimResponse)
async def claim(call: Call[ClaimBody]) -> bytes | Answer:
    """Take due runs, each with a lease; wait for some where there are none."""
    services, body = call.services, call.body
    source, look = await _open(services, body)
    demand = Demand(str(body.claim_id), body.owner, body.limit, body.prefetch_seconds)
    work = services.claims.claim(source, demand, body.wait_seconds, look)
    try:
        answer: ClaimAnswer = await (wait_for_caller(call, work) if body.wait_seconds > 0 else work)
    except CallerGone:
        return Answer(499)
    runs = await describe_runs(services.database, services.signals, services.blocks, answer.grants)
    return encode(_Response(demand.claim_id, answer.lease_seconds, runs, answer.cancelling))


async def _open(services: Services, body: ClaimBody) -> Opened:
    if (body.work_pool_name is None) == (not body.deployment_ids):
        message = "name either a work pool or deployments: one of the two is what you serve"
        raise ValidationFailed(
            [make_fault("value_error", ("body", "work_pool_name"), message, body.work_pool_name)]
        )
    if body.work_pool_name is not None:
        return await open_pool(services, body.work_pool_name, body.work_queue_names)
    return await open_served(services, [str(one) for one in body.deployment_ids])


@operations.post("/headrace/leases/renew", RenewBody, returns=RenewResponse)
async def renew_leases(call: Call[RenewBody]) -> bytes:
    """Keep all leases of a worker; tell which it has lost and which runs are to be cancelled."""
    body = call.body
    held = {str(lease.flow_run_id): lease.epoch for lease in body.leases}
    seconds = call.services.claims.terms.seconds
    over = {str(lease.flow_run_id): lease.epoch for lease in body.over}
    await give_up(call.services.database, call.services.signals, body.owner, over)
    done = await renew(call.services.database, body.owner, held, seconds)
    return encode(
        {
            "lease_seconds": seconds,
            "lost": done.lost,
            "cancelling": done.cancelling,
            "fenced": done.fenced,
        }
    )


@operations.get("/headrace/flow_runs/{id:uuid}/wait_reason", returns=WaitReason)
async def read_wait_reason(call: Call[None]) -> bytes:
    """Tell why a run is not running."""
    return encode(await explain(call.services.database, call.path["id"]))


@operations.get("/headrace/flow_runs/{id:uuid}/job", returns=JobAccount)
async def read_job(call: Call[None]) -> bytes:
    """Tell each value of the job that a run's work pool makes of it, and who gave it."""
    services = call.services
    return encode(await explain_job(services.database, services.blocks, call.path["id"]))
