"""Wire objects of concurrency limits."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from msgspec import UNSET, Meta, UnsetType

from headrace.wire.objects import Strict, Wire


class BulkDecrementActiveSlotsBody(Wire, kw_only=True):
    create_if_missing: bool | UnsetType = UNSET
    names: list[str]
    occupancy_seconds: Annotated[float, Meta(gt=0.0)] | None = None
    slots: Annotated[int, Meta(gt=0)]


class BulkDecrementActiveSlotsWithLeaseBody(Wire, kw_only=True):
    lease_id: UUID


class BulkIncrementActiveSlotsBody(Wire, kw_only=True):
    create_if_missing: bool | None = None
    mode: Literal["concurrency", "rate_limit"] = "concurrency"
    names: list[str]
    slots: Annotated[int, Meta(gt=0)]


class ConcurrencyLeaseHolder(Strict, kw_only=True):
    id: UUID
    type: Literal["flow_run", "task_run", "deployment"]


class BulkIncrementActiveSlotsWithLeaseBody(Wire, kw_only=True):
    holder: ConcurrencyLeaseHolder | None = None
    lease_duration: Annotated[float, Meta(ge=60.0, le=86400.0)] = 300
    mode: Literal["concurrency", "rate_limit"] = "concurrency"
    names: list[str]
    slots: Annotated[int, Meta(gt=0)]


class DecrementConcurrencyLimitsV1Body(Wire, kw_only=True):
    names: list[str]
    task_run_id: UUID


class IncrementConcurrencyLimitsV1Body(Wire, kw_only=True):
    names: list[str]
    task_run_id: UUID


class ReadAllConcurrencyLimitsV2Body(Wire, kw_only=True):
    limit: int | UnsetType = UNSET
    offset: Annotated[int, Meta(ge=0)] = 0


class ReadConcurrencyLimitsBody(Wire, kw_only=True):
    limit: int | UnsetType = UNSET
    offset: Annotated[int, Meta(ge=0)] = 0


class RenewConcurrencyLeaseBody(Wire, kw_only=True):
    lease_duration: Annotated[float, Meta(ge=60.0, le=86400.0)] = 300


class ResetConcurrencyLimitByTagBody(Wire, kw_only=True):
    slot_override: list[UUID] | None = None


class ConcurrencyLimit(Wire, kw_only=True):
    active_slots: list[UUID] = []
    concurrency_limit: int
    created: datetime | None
    id: UUID
    tag: str
    updated: datetime | None


class ConcurrencyLimitCreate(Strict, kw_only=True):
    concurrency_limit: int
    tag: str


class ConcurrencyLimitV2(Wire, kw_only=True):
    active: bool = True
    active_slots: int = 0
    avg_slot_occupancy_seconds: float = 2.0
    created: datetime | None
    denied_slots: int = 0
    id: UUID
    limit: int
    name: Annotated[str, Meta(pattern="^[^/%&><]+$")]
    slot_decay_per_second: float = 0
    updated: datetime | None


class ConcurrencyLimitV2Create(Strict, kw_only=True):
    active: bool = True
    active_slots: Annotated[int, Meta(ge=0)] = 0
    denied_slots: Annotated[int, Meta(ge=0)] = 0
    limit: Annotated[int, Meta(ge=0)]
    name: Annotated[str, Meta(pattern="^[^/%&><]+$")]
    slot_decay_per_second: Annotated[float, Meta(ge=0.0)] = 0


class ConcurrencyLimitV2Update(Strict, kw_only=True):
    active: bool | None | UnsetType = UNSET
    active_slots: Annotated[int, Meta(ge=0)] | None | UnsetType = UNSET
    denied_slots: Annotated[int, Meta(ge=0)] | None | UnsetType = UNSET
    limit: Annotated[int, Meta(ge=0)] | None | UnsetType = UNSET
    name: Annotated[str, Meta(pattern="^[^/%&><]+$")] | None | UnsetType = UNSET
    slot_decay_per_second: Annotated[float, Meta(ge=0.0)] | None | UnsetType = UNSET


class MinimalConcurrencyLimitResponse(Wire, kw_only=True):
    id: UUID
    limit: int
    name: str


class ConcurrencyLimitWithLeaseResponse(Wire, kw_only=True):
    lease_id: UUID
    limits: list[MinimalConcurrencyLimitResponse]


class GlobalConcurrencyLimitResponse(Wire, kw_only=True):
    active: bool = True
    active_slots: int
    created: datetime | None
    id: UUID
    limit: int
    name: str
    slot_decay_per_second: float = 2.0
    updated: datetime | None
