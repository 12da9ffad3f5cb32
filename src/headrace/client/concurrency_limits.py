"""Concurrency limits by tag and global ones."""

from __future__ import annotations

from uuid import UUID

from headrace.client.http import Client
from headrace.client.requests import segment
from headrace.wire.concurrency_limits import (
    BulkDecrementActiveSlotsWithLeaseBody,
    BulkIncrementActiveSlotsBody,
    BulkIncrementActiveSlotsWithLeaseBody,
    ConcurrencyLimit,
    ConcurrencyLimitCreate,
    ConcurrencyLimitV2,
    ConcurrencyLimitV2Create,
    ConcurrencyLimitV2Update,
    ConcurrencyLimitWithLeaseResponse,
    GlobalConcurrencyLimitResponse,
    MinimalConcurrencyLimitResponse,
    ReadAllConcurrencyLimitsV2Body,
    ReadConcurrencyLimitsBody,
    RenewConcurrencyLeaseBody,
    ResetConcurrencyLimitByTagBody,
)


def create_tag_limit(client: Client, body: ConcurrencyLimitCreate) -> ConcurrencyLimit:
    """The limit of a tag, made or changed."""
    return client.call("POST", "/concurrency_limits/", body, answer=ConcurrencyLimit)


def read_tag_limit(client: Client, tag: str) -> ConcurrencyLimit:
    """The limit of a tag."""
    return client.call("GET", f"/concurrency_limits/tag/{segment(tag)}", answer=ConcurrencyLimit)


def list_tag_limits(client: Client, body: ReadConcurrencyLimitsBody) -> list[ConcurrencyLimit]:
    """Limits by tag."""
    return client.call(
        "POST",
        "/concurrency_limits/filter",
        body,
        answer=list[ConcurrencyLimit],
        is_idempotent=True,
    )


def reset_tag_limit(client: Client, tag: str, body: ResetConcurrencyLimitByTagBody) -> None:
    """Free all slots of a tag's limit, or set who holds them."""
    client.call("POST", f"/concurrency_limits/tag/{segment(tag)}/reset", body, is_idempotent=True)


def delete_tag_limit(client: Client, tag: str) -> None:
    """Remove the limit of a tag."""
    client.call("DELETE", f"/concurrency_limits/tag/{segment(tag)}")


def create_limit(client: Client, body: ConcurrencyLimitV2Create) -> ConcurrencyLimitV2:
    """A new global limit."""
    return client.call("POST", "/v2/concurrency_limits/", body, answer=ConcurrencyLimitV2)


def read_limit(client: Client, name: str) -> GlobalConcurrencyLimitResponse:
    """A global limit by name."""
    return client.call(
        "GET", f"/v2/concurrency_limits/{segment(name)}", answer=GlobalConcurrencyLimitResponse
    )


def list_limits(
    client: Client, body: ReadAllConcurrencyLimitsV2Body
) -> list[GlobalConcurrencyLimitResponse]:
    """Global limits."""
    return client.call(
        "POST",
        "/v2/concurrency_limits/filter",
        body,
        answer=list[GlobalConcurrencyLimitResponse],
        is_idempotent=True,
    )


def update_limit(client: Client, name: str, body: ConcurrencyLimitV2Update) -> None:
    """Change a global limit; fields left UNSET stay."""
    client.call("PATCH", f"/v2/concurrency_limits/{segment(name)}", body)


def delete_limit(client: Client, name: str) -> None:
    """Remove a global limit."""
    client.call("DELETE", f"/v2/concurrency_limits/{segment(name)}")


def take_slots(
    client: Client, body: BulkIncrementActiveSlotsBody
) -> list[MinimalConcurrencyLimitResponse]:
    """Take slots of several limits, all or none."""
    return client.call(
        "POST",
        "/v2/concurrency_limits/increment",
        body,
        answer=list[MinimalConcurrencyLimitResponse],
    )


def lease_slots(
    client: Client, body: BulkIncrementActiveSlotsWithLeaseBody
) -> ConcurrencyLimitWithLeaseResponse:
    """Take slots for as long as a lease is renewed."""
    return client.call(
        "POST",
        "/v2/concurrency_limits/increment-with-lease",
        body,
        answer=ConcurrencyLimitWithLeaseResponse,
    )


def renew_lease(
    client: Client, lease_id: UUID, body: RenewConcurrencyLeaseBody, *, timeout: float | None = None
) -> None:
    """Keep leased slots; `timeout` in seconds, of one attempt, of which there is one only then."""
    client.call(
        "POST",
        f"/v2/concurrency_limits/leases/{lease_id}/renew",
        body,
        is_idempotent=True,
        timeout=timeout,
        attempts=None if timeout is None else 0,
    )


def release_lease(client: Client, body: BulkDecrementActiveSlotsWithLeaseBody) -> None:
    """Give leased slots back."""
    client.call("POST", "/v2/concurrency_limits/decrement-with-lease", body, is_idempotent=True)
