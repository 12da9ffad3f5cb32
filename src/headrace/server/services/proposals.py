"""From the wire's proposed state to the rules' and back to an answer."""

from dataclasses import replace
from datetime import datetime
from http import HTTPStatus
from typing import Final, NamedTuple, cast
from uuid import UUID

import msgspec

from headrace.core.ids import new_id
from headrace.core.orchestration.verdicts import Abort, Accept, Reject, Verdict, Wait
from headrace.core.states import State, StateType, default_name
from headrace.core.times import now_text, to_text
from headrace.wire.decode import encode
from headrace.wire.states import StateCreate, StateDetails

_DEFAULTS: Final = msgspec.structs.asdict(StateDetails())


class Outcome(NamedTuple):
    """What a proposal came to: the contract's answer and its HTTP status."""

    status: int
    body: bytes


def take(proposed: StateCreate) -> State:
    """The proposed state with an id and a timestamp of its own."""
    return State(
        type=proposed.type,
        name=proposed.name or default_name(proposed.type),
        id=new_id(),
        timestamp=now_text(),
        message=proposed.message,
        details=_take_details(proposed.state_details),
        data=_take_data(proposed.data),
    )


def _take_data(data: object) -> object:
    """What a state carries. Older clients say in it that there is nothing to read: nothing is kept."""
    if not isinstance(data, dict):
        return data
    described = cast("dict[str, object]", data)
    return None if described.get("type") == "unpersisted" else described


def due(state: State) -> State:
    """The same state; a scheduled one that names no time is due at once."""
    if state.type is not StateType.SCHEDULED or state.details.get("scheduled_time"):
        return state
    return replace(state, details={**state.details, "scheduled_time": state.timestamp})


def _take_details(details: StateDetails) -> dict[str, object]:
    taken: dict[str, object] = {}
    for name, default in _DEFAULTS.items():
        value = getattr(details, name)
        if value is default or value == default:
            continue
        if isinstance(value, datetime):
            value = to_text(value)
        elif isinstance(value, UUID):
            value = str(value)
        taken[name] = value
    return taken


_ACCEPTED: Final = b',"status":"ACCEPT","details":{"type":"accept_details"}}'


def answer(verdict: Verdict, state: str | None) -> Outcome:
    """The answer to a proposal.

    Args:
        verdict: What the rules said.
        state: The run's state after it, as stored.
    """
    status = HTTPStatus.CREATED if new_state_of(verdict) is not None else HTTPStatus.OK
    start = b'{"state":' + (b"null" if state is None else state.encode())
    return Outcome(status, start + _rest(verdict))


def new_state_of(verdict: Verdict) -> State | None:
    """The state that the run enters, if it enters one."""
    return verdict.state if isinstance(verdict, Accept | Reject) else None


def _rest(verdict: Verdict) -> bytes:
    match verdict:
        case Accept():
            return _ACCEPTED
        case Reject():
            rest = {"status": "REJECT", "details": _details("reject", verdict.reason)}
        case Wait():
            details = _details("wait", verdict.reason) | {"delay_seconds": verdict.delay_seconds}
            rest = {"status": "WAIT", "details": details}
        case Abort():
            rest = {"status": "ABORT", "details": _details("abort", verdict.reason)}
    return b"," + encode(rest)[1:]


def _details(kind: str, reason: str) -> dict[str, object]:
    return {"type": f"{kind}_details", "reason": reason}
