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
    run_count: int = 0
    flow_run_run_count: int = 0
    expected_start_time: datetime | None = None
    start_time: datetime | None = None
    end_time: datetime | None = None
    total_run_time: float = 0.0


class _Told(msgspec.Struct):
    task_run: _ToldRun
    validated_state: _ToldState


@dataclass(frozen=True, slots=True)
class Report:
    """One state of one task run, as rows to write.

    Args:
        run: Columns of the task run, as of this state.
        state: Columns of the state's own row.
    """

    run: dict[str, object]
    state: dict[str, object]

    @property
    def run_id(self) -> str:
        """Whose state."""
        return str(self.run["id"])

    @property
    def flow_run_id(self) -> str | None:
        """The flow run that the task ran in; none for a task that was called by itself."""
        value = self.run["flow_run_id"]
        return None if value is None else str(value)

    @property
    def moment(self) -> tuple[str, str]:
        """What orders the states of a run: when, and which id."""
        return str(self.run["state_timestamp"]), str(self.run["state_id"])


def read_report(event: Event, now: str) -> Report | None:
    """What an event says about a task run; none where it says nothing that can be recorded.

    Args:
        event: Of any kind.
        now: The time of the write, as text.
    """
    if not event.event.startswith(PREFIX):
        return None
    if event.resource.get("prefect.orchestration") != "client":
        return None
    try:
        told = msgspec.convert(event.payload, _Told, strict=False)
        run_id = str(UUID(event.resource["prefect.resource.id"].removeprefix(PREFIX)))
        flow_run_id = _flow_run_of(event)
        timestamp = _timestamp(event)
    except (msgspec.ValidationError, KeyError, ValueError):
        return None
    return _report(event, told, run_id, flow_run_id, (timestamp, now))


def _flow_run_of(event: Event) -> str | None:
    for related in event.related:
        if related.get("prefect.resource.role") == "flow-run":
            return str(UUID(related["prefect.resource.id"].rpartition(".")[2]))
    return None


def _timestamp(event: Event) -> str:
    given = event.resource.get("prefect.state-timestamp")
    return to_text(event.occurred if given is None else to_datetime(given))


def _report(
    event: Event, told: _Told, run_id: str, flow_run_id: str | None, times: tuple[str, str]
) -> Report:
    timestamp, now = times
    run, state = told.task_run, told.validated_state
    details = state.state_details
    name = state.name or default_name(state.type)
    state_id = str(event.id)
    text = transitions.encode_stored(
        {
            "id": state_id,
            "type": state.type,
            "name": name,
            "timestamp": timestamp,
            "message": state.message,
            "data": state.data,
        },
        {**msgspec.structs.asdict(details), "flow_run_id": flow_run_id, "task_run_id": run_id},
    )
    scheduled = details.scheduled_time if state.type is StateType.SCHEDULED else None
    columns: dict[str, object] = {
        "id": run_id,
        "created": now,
        "updated": now,
        "flow_run_id": flow_run_id,
        "task_key": run.task_key,
        "dynamic_key": run.dynamic_key,
        "name": run.name,
        "tags": _json(run.tags),
        "labels": _json(run.labels or {}),
        "empirical_policy": _json(run.empirical_policy),
        "state_id": state_id,
        "state_type": state.type.value,
        "state_name": name,
        "state_timestamp": timestamp,
        "state": text,
        "run_count": run.run_count,
        "flow_run_run_count": run.flow_run_run_count,
        "start_time": _text(run.start_time),
        "end_time": _text(run.end_time),
        "total_run_time": run.total_run_time,
        "expected_start_time": _text(run.expected_start_time) or timestamp,
        "next_scheduled_start_time": _text(scheduled),
        "cache_key": details.cache_key,
        "cache_expiration": _text(details.cache_expiration),
        "task_version": run.task_version,
        "task_inputs": _json(run.task_inputs),
    }
    row: dict[str, object] = {
        "id": state_id,
        "task_run_id": run_id,
        "timestamp": timestamp,
        "state": text,
    }
    return Report(columns, row)


def _json(value: object) -> str:
    return encode(value).decode()


def _text(moment: datetime | None) -> str | None:
    return None if moment is None else to_text(moment)
