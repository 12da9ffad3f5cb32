"""One run of one task, as its process knows it, and the events that tell the server about it."""

import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, NamedTuple, Protocol
from uuid import UUID

import msgspec

from headrace.context import FlowRunContext
from headrace.core.ids import new_id, random_id
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
        "fixed",
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
        self.dynamic_key = random_id()
        self.name = f"{task.name}-{self.dynamic_key[:3]}"
        self.run_count = 0
        self.flow_run_run_count = 0
        self.expected = time.time()
        self.start: float | None = None
        self.end: float | None = None
        self.total_run_time = 0.0
        self.state: State | None = None
        self.previous: State | None = None
        self.fixed: FixedJson | None = None

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

    def fixed_json(self) -> "FixedJson":
        """What is the same in all events of this run, written when the first one is."""
        if self.fixed is None:
            self.fixed = fix_json(self)
        return self.fixed

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
        """The event as JSON, in the contract's shape.

        Put together from text that is made once a run: the recorder's thread competes with the
        tasks for the interpreter, and encoding objects took four times as long.
        """
        run, state, before = self.run, self.state, self.before
        occurred = iso_time(state.seconds)
        state_name, name, message = _text(state.name), _text(run.name), _text(state.message or "")
        follows = f'"{before.id_text}"' if before is not None else "null"
        came_from = f'"{before.type}"' if before is not None else "null"
        data = _json(state.data.as_wire()) if state.data is not None else "null"
        initial = f"{_state(before)}}}" if before is not None else "null"
        fixed = run.fixed_json()
        return (
            f'{{"id":"{state.id_text}","follows":{follows},"occurred":"{occurred}",'
            f'"event":"prefect.task-run.{state_name[1:]},"resource":{{'
            f'"prefect.resource.id":"prefect.task-run.{run.id_text}",'
            f'"prefect.resource.name":{name},"prefect.run-count":"{self.run_count}",'
            f'"prefect.state-message":{message},"prefect.state-name":{state_name},'
            f'"prefect.state-timestamp":"{occurred}","prefect.state-type":"{state.type}",'
            f'"prefect.orchestration":"client"}},"related":{fixed.related},"payload":{{'
            f'"intended":{{"from":{came_from},"to":"{state.type}"}},"initial_state":{initial},'
            f'"validated_state":{_state(state)},"data":{data}}},'
            f'"task_run":{{"name":{name},{fixed.task_run},{self._counts()}}}}}}}'
        ).encode()

    def _counts(self) -> str:
        """The fields of the task run that change as it goes on."""
        start = f',"start_time":"{iso_time(self.start)}"' if self.start is not None else ""
        end = f',"end_time":"{iso_time(self.end)}"' if self.end is not None else ""
        attempts = self.run.flow_run_run_count if self.run_count else 0
        return (
            f'"run_count":{self.run_count},"flow_run_run_count":{attempts},'
            f'"total_run_time":{self.total_run_time:.6f}{start}{end}'
        )


class FixedJson(NamedTuple):
    """The parts of a run's events that are the same in all of them."""

    related: str
    """The array of related resources."""
    task_run: str
    """Fields of the task run, without the braces around them."""


def fix_json(run: TaskRun) -> FixedJson:
    """Write the parts of a run's events that never change."""
    tags = sorted(run.tags)
    related = [
        {"prefect.resource.id": f"prefect.tag.{tag}", "prefect.resource.role": "tag"}
        for tag in tags
    ]
    if run.parent is not None:
        related += run.parent.related
    inputs = {
        name: [{"input_type": "task_run", "id": upstream} for upstream in upstreams]
        for name, upstreams in run.inputs.items()
    }
    return FixedJson(
        related=_json(related),
        task_run=(
            f'{_fixed_of_task(run.task)},"dynamic_key":"{run.dynamic_key}","tags":{_json(tags)},'
            f'"labels":{{}},"task_inputs":{_json(inputs)},'
            f'"expected_start_time":"{iso_time(run.expected)}"'
        ),
    )


@lru_cache(maxsize=256)  # tasks; a program that has more encodes some of them again
def _fixed_of_task(task: RunnableTask) -> str:
    policy: dict[str, Any] = {
        "max_retries": 0,
        "retry_delay_seconds": 0.0,
        "retries": task.retries,
        "retry_delay": task.retry_delay_seconds,
    }
    if task.retry_jitter_factor is not None:
        policy["retry_jitter_factor"] = task.retry_jitter_factor
    version = f',"task_version":{_text(task.version)}' if task.version is not None else ""
    return f'"task_key":{_text(task.task_key)},"empirical_policy":{_json(policy)}{version}'


def _state(state: State) -> str:
    """A state as JSON, without its closing brace."""
    details = state.details
    if state.type is StateType.COMPLETED:
        details = {**(details or {}), "untrackable_result": True}
    return (
        f'{{"type":"{state.type}","name":{_text(state.name)},"message":{_text(state.message or "")},'
        f'"state_details":{_json(details) if details else "{}"}'
    )


def _json(value: Any) -> str:
    return _encoder.encode(value).decode()


def _text(value: str) -> str:
    """Text as JSON; half of a surrogate pair, which JSON cannot carry, becomes a question mark."""
    try:
        return _encoder.encode(value).decode()
    except UnicodeEncodeError:
        return _encoder.encode(value.encode("utf-8", "replace").decode()).decode()


class _Second:
    """The second that was written last: runs of tasks fall into few of them."""

    whole = 0
    text = ""


def iso_time(seconds: float) -> str:
    """Seconds since the epoch as the wire's text."""
    whole = int(seconds)
    if whole != _Second.whole:
        _Second.text = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(whole))
        _Second.whole = whole
    return f"{_Second.text}.{int((seconds - whole) * 1_000_000):06d}Z"


_encoder = msgspec.json.Encoder()
