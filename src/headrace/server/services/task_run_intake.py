"""Task runs that arrive as events: what a `prefect.task-run.…` event says about its task run."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import msgspec

from headrace.core.states import StateType, default_name
from headrace.core.times import to_datetime, to_text
from headrace.server.store import transitions
from headrace.wire.decode import encode
from headrace.wire.events import Event
from headrace.wire.states import StateDetails
from headrace.wire.task_runs import TaskRunPolicy

PREFIX: Final = "prefect.task-run."


class _ToldState(msgspec.Struct):
    type: StateType
    name: str | None = None
    message: str | None = None
    data: Any = None
    state_details: StateDetails = msgspec.field(default_factory=StateDetails)


class _ToldRun(msgspec.Struct):
    task_key: str
    dynamic_key: str
    name: str = ""
    empirical_policy: TaskRunPolicy = msgspec.field(default_factory=TaskRunPolicy)
    tags: list[str] = msgspec.field(default_factory=list[str])
    labels: dict[str, bool | int | float | str] | None = None
    task_inputs: dict[str, list[Any]] = msgspec.field(default_factory=dict[str, list[Any]])
    task_version: str | None = None
    cache_key: str | None = None
    cache_expiration: datetime | None = None
    run_count: int = 0
    flow_run_run_count: int = 0
    expected_start_time: datetime | None = None
    next_scheduled_start_time: datetime | None = None
    start_time: datetime | None = None
    end_time: datetime | None = None
    total_run_time: float = 0.0


class _Told(msgspec.Struct):
    task_run: _ToldRun
    validated_state: _ToldState


@dataclass(frozen=True, slots=True)
class Report:
    """One state of one task run.

    Args:
        run_id: Whose state.
        flow_run_id: The flow run that the task ran in; none for a task that was called by itself.
        moment: What orders the states of a run: when, and which id.
        told: What the event says of the run and its state.
        text: The state as it is stored.
    """

    run_id: str
    flow_run_id: str | None
    moment: tuple[str, str]
    told: _Told
    text: str

    def state_row(self) -> dict[str, object]:
        """Columns of the state's own row."""
        timestamp, state_id = self.moment
        return {
            "id": state_id,
            "task_run_id": self.run_id,
            "timestamp": timestamp,
            "state": self.text,
        }

    def run_row(self, now: str) -> dict[str, object]:
        """Columns of the task run as of this state, written at `now`."""
        timestamp, state_id = self.moment
        run, state = self.told.task_run, self.told.validated_state
        details = state.state_details
        is_scheduled = state.type is StateType.SCHEDULED and details.scheduled_time is not None
        scheduled = details.scheduled_time if is_scheduled else run.next_scheduled_start_time
        is_kept = state.type is StateType.COMPLETED
        return {
            "id": self.run_id,
            "created": now,
            "updated": now,
            "flow_run_id": self.flow_run_id,
            "task_key": run.task_key,
            "dynamic_key": run.dynamic_key,
            "name": run.name,
            "tags": _json(run.tags),
            "labels": _json(run.labels or {}),
            "empirical_policy": _json(run.empirical_policy),
            "state_id": state_id,
            "state_type": state.type.value,
            "state_name": _name(state),
            "state_timestamp": timestamp,
            "state": self.text,
            "run_count": run.run_count,
            "flow_run_run_count": run.flow_run_run_count,
            "start_time": _text(run.start_time),
            "end_time": _text(run.end_time),
            "total_run_time": run.total_run_time,
            "expected_start_time": _text(run.expected_start_time) or timestamp,
            "next_scheduled_start_time": _text(scheduled),
            "cache_key": run.cache_key,
            "cache_expiration": _text(run.cache_expiration),
            "kept_key": details.cache_key if is_kept else None,
            "kept_expiration": _text(details.cache_expiration) if is_kept else None,
            "task_version": run.task_version,
            "task_inputs": _json(run.task_inputs),
        }


def read_report(event: Event) -> Report | None:
    """What an event says about a task run; none where it says nothing that can be recorded."""
    if not event.event.startswith(PREFIX):
        return None
    if event.resource.get("prefect.orchestration") != "client":
        return None
    try:
        told = msgspec.convert(event.payload, _Told, strict=False)
        run_id = str(UUID(event.resource["prefect.resource.id"].removeprefix(PREFIX)))
        flow_run_id = _flow_run_of(event)
        moment = (_timestamp(event), str(event.id))
    except (msgspec.ValidationError, KeyError, ValueError):
        return None
    text = _stored(told.validated_state, moment, run_id, flow_run_id)
    return Report(run_id, flow_run_id, moment, told, text)


def _flow_run_of(event: Event) -> str | None:
    for related in event.related:
        if related.get("prefect.resource.role") == "flow-run":
            return str(UUID(related["prefect.resource.id"].rpartition(".")[2]))
    return None


def _timestamp(event: Event) -> str:
    given = event.resource.get("prefect.state-timestamp")
    return to_text(event.occurred if given is None else to_datetime(given))


def _stored(
    state: _ToldState, moment: tuple[str, str], run_id: str, flow_run_id: str | None
) -> str:
    timestamp, state_id = moment
    return transitions.encode_stored(
        {
            "id": state_id,
            "type": state.type,
            "name": _name(state),
            "timestamp": timestamp,
            "message": state.message,
            "data": state.data,
        },
        {
            **msgspec.structs.asdict(state.state_details),
            "flow_run_id": flow_run_id,
            "task_run_id": run_id,
        },
    )


def _name(state: _ToldState) -> str:
    return state.name or default_name(state.type)


def _json(value: object) -> str:
    return encode(value).decode()


def _text(moment: datetime | None) -> str | None:
    return None if moment is None else to_text(moment)
