"""Wire objects of orchestration."""

from enum import StrEnum
from uuid import UUID

from headrace.wire.objects import Wire
from headrace.wire.states import State


class SetStateStatus(StrEnum):
    ACCEPT = "ACCEPT"
    REJECT = "REJECT"
    ABORT = "ABORT"
    WAIT = "WAIT"


class StateAbortDetails(Wire, kw_only=True, tag_field="type", tag="abort_details"):
    reason: str | None = None


class StateAcceptDetails(Wire, kw_only=True, tag_field="type", tag="accept_details"):
    pass


class StateRejectDetails(Wire, kw_only=True, tag_field="type", tag="reject_details"):
    reason: str | None = None


class StateWaitDetails(Wire, kw_only=True, tag_field="type", tag="wait_details"):
    delay_seconds: int
    reason: str | None = None


class FlowRunOrchestrationResult(Wire, kw_only=True):
    details: StateAcceptDetails | StateWaitDetails | StateRejectDetails | StateAbortDetails
    flow_run_id: UUID
    state: State | None = None
    status: SetStateStatus


class FlowRunResult(Wire, kw_only=True, tag_field="input_type", tag="flow_run"):
    id: UUID


class OrchestrationResult(Wire, kw_only=True):
    details: StateAcceptDetails | StateWaitDetails | StateRejectDetails | StateAbortDetails
    state: State | None
    status: SetStateStatus
