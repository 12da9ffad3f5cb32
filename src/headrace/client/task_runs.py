"""Task runs: read and, where the recorder is not used, create and set states."""

from __future__ import annotations

from uuid import UUID

from headrace.client.http import Client
from headrace.wire.orchestration import OrchestrationResult
from headrace.wire.states import State
from headrace.wire.task_runs import (
    CountTaskRunsBody,
    ReadTaskRunsBody,
    SetTaskRunStateBody,
    TaskRun,
    TaskRunCreate,
    TaskRunUpdate,
)


def create_task_run(client: Client, body: TaskRunCreate) -> TaskRun:
    """A new task run; the existing one for the same flow run, task key and dynamic key."""
    return client.call(
        "POST",
        "/task_runs/",
        body,
        answer=TaskRun,
        is_idempotent=body.id is not None or body.flow_run_id is not None,
    )


def read_task_run(client: Client, task_run_id: UUID) -> TaskRun:
    """A task run by id."""
    return client.call("GET", f"/task_runs/{task_run_id}", answer=TaskRun)


def list_task_runs(client: Client, body: ReadTaskRunsBody) -> list[TaskRun]:
    """Task runs that pass the filters."""
    return client.call("POST", "/task_runs/filter", body, answer=list[TaskRun], is_idempotent=True)


def count_task_runs(client: Client, body: CountTaskRunsBody) -> int:
    """How many task runs pass the filters."""
    return client.call("POST", "/task_runs/count", body, answer=int, is_idempotent=True)


def update_task_run(client: Client, task_run_id: UUID, body: TaskRunUpdate) -> None:
    """Rename a task run."""
    client.call("PATCH", f"/task_runs/{task_run_id}", body)


def delete_task_run(client: Client, task_run_id: UUID) -> None:
    """Remove a task run."""
    client.call("DELETE", f"/task_runs/{task_run_id}")


def set_task_run_state(
    client: Client, task_run_id: UUID, body: SetTaskRunStateBody
) -> OrchestrationResult:
    """Propose a state; the result says whether it was accepted."""
    return client.call(
        "POST",
        f"/task_runs/{task_run_id}/set_state",
        body,
        answer=OrchestrationResult,
        is_idempotent=body.state.state_details.transition_id is not None,
    )


def read_task_run_states(client: Client, task_run_id: UUID) -> list[State]:
    """All states a task run was in, oldest first."""
    return client.call("GET", f"/task_run_states/?task_run_id={task_run_id}", answer=list[State])
