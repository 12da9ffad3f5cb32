"""Wire objects of claims: how a Headrace worker or runner takes work and keeps it.

These are Headrace's own, beside the contract: `POST /headrace/claims` (a long poll) hands out runs,
each with a lease, and `POST /headrace/leases/renew` keeps all of a worker's leases alive in one
request.
"""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

import msgspec
from msgspec import Meta

from headrace.core.sdks import Sdk
from headrace.wire.deployments import DeploymentResponse
from headrace.wire.flow_runs import FlowRunResponse
from headrace.wire.objects import Strict, Wire


class ClaimBody(Strict, kw_only=True):
    """Ask for runs: of a pool (`work_pool_name`) or of served deployments (`deployment_ids`)."""

    claim_id: UUID
    """Made by the caller. Repeating it returns the same runs: a lost answer strands nothing."""
    owner: Annotated[str, Meta(min_length=1, max_length=200)]
    """Who holds the leases: a name that is unique to this process."""
    work_pool_name: str | None = None
    work_queue_names: list[str] = []
    deployment_ids: list[UUID] = []
    limit: Annotated[int, Meta(ge=0, le=500)] = 10
    """Free capacity, runs. With 0 the call waits for signals only."""
    wait_seconds: Annotated[float, Meta(ge=0, le=30)] = 0.0
    """How long the server may hold the call open while nothing is due."""
    prefetch_seconds: Annotated[float, Meta(ge=0, le=3600)] = 0.0
    """Runs due up to this far ahead are handed out early; their process waits for the time."""


class ClaimedRun(Wire, kw_only=True):
    """A run whose lease the caller now holds; it is PENDING when this arrives."""

    flow_run: FlowRunResponse
    flow_name: str
    epoch: int
    """Goes up with each claim of the run. Sent back as `x-headrace-epoch`; a stale one is refused."""
    lease_expires: datetime
    deployment: DeploymentResponse | None = None
    fenced: bool = True
    """Its process must be dead before the lease can be over: another may get the run then."""
    job_configuration: dict[str, Any] | None = None
    """The pool's template, resolved with defaults, deployment's and run's variables."""
    sdk: Sdk = Sdk.HEADRACE
    """The SDK whose flow this is: the one that made the deployment."""


class ClaimResponse(Wire, kw_only=True):
    claim_id: UUID
    lease_seconds: float
    runs: list[ClaimedRun] = []
    cancelling: list[UUID] = []
    """Runs leased to this owner that are to be cancelled."""


class ClaimedFlowRunHead(Wire, kw_only=True):
    id: UUID
    name: str = ""


class ClaimedRunHead(Wire, kw_only=True):
    """What a worker itself reads of a claimed run; the rest goes to the run's process as it came."""

    flow_run: ClaimedFlowRunHead
    flow_name: str
    epoch: int
    lease_expires: datetime
    fenced: bool = True
    job_configuration: dict[str, Any] | None = None
    sdk: Sdk = Sdk.HEADRACE


class ClaimBatch(Wire, kw_only=True):
    """A `ClaimResponse` whose runs are left encoded."""

    claim_id: UUID
    lease_seconds: float
    runs: list[msgspec.Raw] = []
    cancelling: list[UUID] = []


class HeldLease(Strict, kw_only=True):
    flow_run_id: UUID
    epoch: int


class RenewBody(Strict, kw_only=True):
    owner: str
    leases: Annotated[list[HeldLease], Meta(max_length=2000)]
    over: Annotated[list[HeldLease], Meta(max_length=2000)] = []
    """Attempts of which nothing runs any more and that said nothing: their leases end now."""


class RenewResponse(Wire, kw_only=True):
    lease_seconds: float
    lost: list[UUID] = []
    """Runs that this owner no longer holds: their processes must be stopped and not reported on."""
    cancelling: list[UUID] = []
    fenced: list[UUID] | None = None
    """Runs whose processes must be dead before their leases can be over. None leaves it as it was."""


class SlotHolder(Wire, kw_only=True):
    flow_run_id: UUID
    name: str
    state_name: str | None = None


class WaitReason(Wire, kw_only=True):
    """Why a flow run does not run at this moment."""

    kind: str
    """`scheduled_for`, `work_pool_paused`, `work_queue_paused`, `work_pool_limit`,
    `work_queue_limit`, `deployment_limit`, `no_worker_online`, `not_served`, `retry_in_process`,
    `paused`, `ready` (the next claim takes it), or `not_waiting` (it runs, or is over)."""
    message: str
    """The same for a person."""
    limit: int | None = None
    used: int | None = None
    holders: list[SlotHolder] = []
    """Runs that hold the slots it waits for, oldest first; at most 20."""
    resource_id: UUID | None = None
    resource_name: str | None = None
    until: datetime | None = None
