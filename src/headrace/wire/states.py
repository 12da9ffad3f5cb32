"""Wire objects of states."""

from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
from msgspec import UNSET, UnsetType

from headrace.core.states import StateType
from headrace.wire.objects import Strict, Wire


class StateDetails(Wire, kw_only=True):
    cache_expiration: datetime | None = None
    cache_key: str | None = None
    child_flow_run_id: UUID | None = None
    deferred: bool | None = False
    deployment_concurrency_lease_id: UUID | None = None
    flow_run_id: UUID | None = None
    pause_key: str | None = None
    pause_reschedule: bool = False
    pause_timeout: datetime | None = None
    refresh_cache: bool | None = None
    retriable: bool | None = None
    run_input_keyset: dict[str, str] | None = None
    scheduled_time: datetime | None = None
    task_parameters_id: UUID | None = None
    task_run_id: UUID | None = None
    traceparent: str | None = None
    transition_id: UUID | None = None
    untrackable_result: bool = False


class State(Wire, kw_only=True):
    data: Any = None
    id: UUID
    message: str | None = None
    name: str | None = None
    state_details: StateDetails = msgspec.field(default_factory=StateDetails)
    timestamp: datetime | UnsetType = UNSET
    type: StateType


class StateCreate(Strict, kw_only=True):
    data: Any = None
    message: str | None = None
    name: str | None = None
    state_details: StateDetails = msgspec.field(default_factory=StateDetails)
    type: StateType
