"""One run of one task, as its process knows it, and the events that tell the server about it."""

import os
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Protocol
from uuid import UUID

import msgspec

from headrace.context import FlowRunContext
from headrace.core.ids import new_id
from headrace.parameters import Signature
from headrace.states import State, StateType


class RunnableTask(Protocol):
    """What the engine reads of a `Task`."""

    fn: Any
    name: str
    task_key: str
    tags: frozenset[str]
    version: str | None
    signature: Signature
    isasync: bool
    retries: int
    retry_delay_seconds: Any
    retry_jitter_factor: float | None
    retry_condition_fn: Any
    timeout_seconds: float | None
    log_prints: bool | None
    persist_result: bool | None
    cache_policy: Any
    cache_expiration: Any
    refresh_cache: bool | None
    result_storage_key: str | None
    task_run_name: Any
    on_completion_hooks: Sequence[Any]
    on_failure_hooks: Sequence[Any]
    on_running_hooks: Sequence[Any]


class TaskRun:
    """A task run: what was asked for, and how far it is.

    The engine changes it; hooks, contexts and `headrace.runtime.task_run` read it. Times are
    seconds since the epoch.
    """

    __slots__ = (
        "dynamic_key",
        "end",
        "expected",
        "flow_run_run_count",
        "id_text",
        "inputs",
        "name",
        "parent",
        "previous",
        "run_count",
        "start",
        "state",
        "tags",
        "task",
        "total_run_time",
    )

    def __init__(
        self,
        task: RunnableTask,
        parent: FlowRunContext | None,
        tags: frozenset[str],
        inputs: Mapping[str, Sequence[str]],
    ) -> None:
        self.task = task
        self.parent = parent
        self.tags = tags
        self.inputs = inputs
        self.id_text = new_id()
        self.dynamic_key = _random_uuid()
        self.name = f"{task.name}-{self.dynamic_key[:3]}"
        self.run_count = 0
        self.flow_run_run_count = 0
        self.expected = time.time()
        self.start: float | None = None
        self.end: float | None = None
        self.total_run_time = 0.0
        self.state: State | None = None
        self.previous: State | None = None

    @property
    def id(self) -> UUID:
        """The run's id."""
        return UUID(self.id_text)

    @property
    def flow_run_id(self) -> UUID | None:
        """The flow run it belongs to, or None."""
        return UUID(self.parent.flow_run_id) if self.parent is not None else None

    @property
    def task_key(self) -> str:
        """What names the task, whatever its runs are called."""
        return self.task.task_key

    @property
    def start_time(self) -> datetime | None:
        """When it first ran."""
        return None if self.start is None else datetime.fromtimestamp(self.start, UTC)

    @property
    def end_time(self) -> datetime | None:
        """When it was over."""
        return None if self.end is None else datetime.fromtimestamp(self.end, UTC)

    def enter(self, state: State) -> "TaskRunEvent":
        """Come into a state; the event to report."""
        before = self.state
        now = state.seconds
        if before is not None and before.type is StateType.RUNNING:
            self.total_run_time += now - before.seconds
        if state.type is StateType.RUNNING:
            self.run_count += 1
            if self.start is None:
                self.start = now
                if self.parent is not None:
                    self.flow_run_run_count = self.parent.flow_run.run_count or 1
        elif state.is_final():
            self.end = now
        self.previous = before
        self.state = state
        return TaskRunEvent(self, before, state)


class TaskRunEvent:
    """A change of a task run's state, to be reported.

    Made in the path of every task, so it only notes what may change afterwards; the recorder's
    thread calls `encode` later.
    """

    __slots__ = ("before", "end", "run", "run_count", "start", "state", "total_run_time")

    def __init__(self, run: TaskRun, before: State | None, state: State) -> None:
        self.run = run
        self.before = before
        self.state = state
        self.run_count = run.run_count
        self.start = run.start
        self.end = run.end
        self.total_run_time = run.total_run_time

    def encode(self) -> bytes:
        """The event as JSON, in the contract's shape."""
        run, state, before = self.run, self.state, self.before
        occurred = _iso(state.seconds)
        event = {
            "id": state.id_text,
            "follows": before.id_text if before is not None else None,
            "occurred": occurred,
            "event": f"prefect.task-run.{state.name}",
            "resource": {
                "prefect.resource.id": f"prefect.task-run.{run.id_text}",
                "prefect.resource.name": run.name,
                "prefect.run-count": str(self.run_count),
                "prefect.state-message": state.message or "",
                "prefect.state-name": state.name,
                "prefect.state-timestamp": occurred,
                "prefect.state-type": state.type,
                "prefect.orchestration": "client",
            },
            "related": _related(run),
            "payload": {
                "intended": {
                    "from": before.type if before is not None else None,
                    "to": state.type,
                },
                "initial_state": _state(before) if before is not None else None,
                "validated_state": _state(state)
                | {"data": state.data.as_wire() if state.data is not None else None},
                "task_run": self._task_run(),
            },
        }
        return _encoder.encode(event)

    def _task_run(self) -> dict[str, Any]:
        run, task = self.run, self.run.task
        policy: dict[str, Any] = {
            "max_retries": 0,
            "retry_delay_seconds": 0.0,
            "retries": task.retries,
            "retry_delay": task.retry_delay_seconds,
        }
        if task.retry_jitter_factor is not None:
            policy["retry_jitter_factor"] = task.retry_jitter_factor
        record: dict[str, Any] = {
            "name": run.name,
            "task_key": task.task_key,
            "dynamic_key": run.dynamic_key,
            "empirical_policy": policy,
            "tags": sorted(run.tags),
            "labels": {},
            "task_inputs": {
                name: [{"input_type": "task_run", "id": upstream} for upstream in upstreams]
                for name, upstreams in run.inputs.items()
            },
            "run_count": self.run_count,
            "flow_run_run_count": run.flow_run_run_count if self.run_count else 0,
            "expected_start_time": _iso(run.expected),
            "total_run_time": self.total_run_time,
        }
        if task.version is not None:
            record["task_version"] = task.version
        if self.start is not None:
            record["start_time"] = _iso(self.start)
        if self.end is not None:
            record["end_time"] = _iso(self.end)
        return record


def _related(run: TaskRun) -> list[dict[str, str]]:
    related = [
        {"prefect.resource.id": f"prefect.tag.{tag}", "prefect.resource.role": "tag"}
        for tag in sorted(run.tags)
    ]
    return related + run.parent.related if run.parent is not None else related


def _state(state: State) -> dict[str, Any]:
    details = dict(state.details) if state.details else {}
    if state.type is StateType.COMPLETED:
        details["untrackable_result"] = True
    return {
        "type": state.type,
        "name": state.name,
        "message": state.message or "",
        "state_details": details,
    }


def _iso(seconds: float) -> str:
    whole = int(seconds)
    stamp = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(whole))
    return f"{stamp}.{int((seconds - whole) * 1_000_000):06d}Z"


def _random_uuid() -> str:
    """A version 4 UUID as text, without the price of a `UUID`."""
    digits = os.urandom(16).hex()
    variant = "89ab"[int(digits[16], 16) & 3]
    return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-{variant}{digits[17:20]}-{digits[20:]}"


_encoder = msgspec.json.Encoder()
