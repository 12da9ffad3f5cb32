"""The events that changes of state become: columns of their rows."""

import msgspec

from headrace.core.orchestration.progress import Progress
from headrace.core.states import State, StateType
from headrace.server.store import related
from headrace.server.store.facts import FlowRunRow, TaskRunRow

_encode = msgspec.json.Encoder().encode


def _brief(state: State | None) -> dict[str, object] | None:
    if state is None:
        return None
    brief: dict[str, object] = {"type": state.type, "name": state.name}
    if state.message:
        brief["message"] = state.message
    if state.type is StateType.PAUSED:
        brief["pause_reschedule"] = str(bool(state.details.get("pause_reschedule"))).lower()
    return brief


def _event(
    kind: str, run: FlowRunRow | TaskRunRow, before: State | None, state: State, step: Progress
) -> dict[str, object]:
    resource_id = f"prefect.{kind}.{run.id}"
    return {
        "id": state.id,
        "occurred": state.timestamp,
        "event": f"prefect.{kind}.{state.name}",
        "resource_id": resource_id,
        "resource": _encode(
            {
                "prefect.resource.id": resource_id,
                "prefect.resource.name": run.name,
                "prefect.run-count": str(step.run_count),
                "prefect.state-message": state.message or "",
                "prefect.state-name": state.name,
                "prefect.state-timestamp": state.timestamp[:-1] + "+00:00",
                "prefect.state-type": state.type,
            }
        ).decode(),
        "payload": _encode(
            {
                "intended": {"from": before and before.type, "to": state.type},
                "initial_state": _brief(before),
                "validated_state": _brief(state),
            }
        ).decode(),
        "follows": before and before.id,
    }


def of_flow_run(
    row: FlowRunRow, before: State | None, state: State, step: Progress, now: str
) -> dict[str, object]:
    """What a flow run's change into `state` looks like among the events; its id is the state's."""
    return _event("flow-run", row, before, state, step) | {
        "received": now,
        "related": related.of_flow_run(row),
    }


def of_task_run(
    row: TaskRunRow, before: State | None, state: State, step: Progress, now: str
) -> dict[str, object]:
    """As `of_flow_run`, of a task run."""
    return _event("task-run", row, before, state, step) | {
        "received": now,
        "related": related.of_task_run(row),
    }
