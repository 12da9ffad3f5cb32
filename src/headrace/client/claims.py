"""Claims: how a worker or a runner takes runs and keeps them."""

from __future__ import annotations

from uuid import UUID

from headrace.client.http import Client
from headrace.wire.claims import ClaimBody, ClaimResponse, RenewBody, RenewResponse, WaitReason
from headrace.wire.jobs import JobAccount

ANSWER_TIME = 30.0  # seconds for the answer itself, beyond what the caller lets the server wait


def claim_runs(client: Client, body: ClaimBody) -> ClaimResponse:
    """Take due runs, waiting up to `body.wait_seconds` for one.

    Repeating it with the same `claim_id` gives the same runs, so it is sent again after a lost
    answer.
    """
    timeout = body.wait_seconds + ANSWER_TIME
    return client.call(
        "POST", "/headrace/claims", body, answer=ClaimResponse, is_idempotent=True, timeout=timeout
    )


def renew_leases(
    client: Client, body: RenewBody, timeout: float | None = None, attempts: int | None = None
) -> RenewResponse:
    """Keep the leases of all runs of an owner.

    Args:
        client: The API.
        body: The owner and what it holds.
        timeout: Seconds for one attempt.
        attempts: Repetitions at most: a caller whose leases end soon counts for itself.
    """
    return client.call(
        "POST",
        "/headrace/leases/renew",
        body,
        answer=RenewResponse,
        is_idempotent=True,
        timeout=timeout,
        attempts=attempts,
    )


def read_wait_reason(client: Client, flow_run_id: UUID) -> WaitReason:
    """Why a flow run does not run at this moment."""
    path = f"/headrace/flow_runs/{flow_run_id}/wait_reason"
    return client.call("GET", path, answer=WaitReason)


def read_job(client: Client, flow_run_id: UUID) -> JobAccount:
    """Each value of the job that a flow run's work pool makes of it, and who gave it."""
    return client.call("GET", f"/headrace/flow_runs/{flow_run_id}/job", answer=JobAccount)
