"""What is running here: the flow run and task run that the current thread or task is inside of.

Kept in `contextvars`, so it follows into coroutines, and into threads that copy the context.
"""

from collections import deque
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

from headrace.errors import MissingContextError

if TYPE_CHECKING:
    from uuid import UUID

_NOTHING: frozenset[str] = frozenset()
_RESULTS_REMEMBERED = 32  # results; enough for the edges of a graph, few enough to hold no memory

_flow_run: "ContextVar[FlowRunContext | None]" = ContextVar("headrace_flow_run", default=None)
_task_run: "ContextVar[TaskRunContext | None]" = ContextVar("headrace_task_run", default=None)
_tags: ContextVar[frozenset[str]] = ContextVar("headrace_tags", default=_NOTHING)


class RunContext:
    """What a flow run's and a task run's context have in common."""

    __slots__ = ("log_prints", "parameters", "persist_result", "start_time")

    def __init__(self, parameters: Mapping[str, Any], start_time: float) -> None:
        self.parameters = parameters
        self.start_time = start_time
        self.log_prints = False
        self.persist_result = False


class FlowRunContext(RunContext):
    """A flow run that is running here.

    Args:
        flow: The `Flow`.
        flow_run: The run, as the server gave it.
        parameters: The values that the function was called with.
        start_time: Seconds since the epoch.
        parent: The flow run that this one was called in, in the same process.
    """

    __slots__ = (
        "counters",
        "deployment",
        "epoch",
        "flow",
        "flow_name",
        "flow_run",
        "flow_run_id",
        "parent",
        "pauses",
        "produced",
        "related",
        "resuming",
        "runner",
        "tags",
    )

    def __init__(
        self,
        flow: Any,
        flow_run: Any,
        parameters: Mapping[str, Any],
        start_time: float,
        parent: "FlowRunContext | None" = None,
    ) -> None:
        super().__init__(parameters, start_time)
        self.flow = flow
        self.parent = parent
        self.deployment: Any = None
        self.flow_name: str = flow.name
        self.flow_run = flow_run
        self.flow_run_id = str(flow_run.id)
        self.runner: Any = None
        self.epoch: int | None = None
        self.tags = _tags.get()
        self.counters: dict[str, int] = {}
        self.pauses = 0
        self.resuming = False
        self.produced = Produced()
        self.related: list[dict[str, str]] = []

    def count(self, key: str) -> int:
        """How often this was asked for `key` before, in this attempt of the run."""
        number = self.counters.get(key, 0)
        self.counters[key] = number + 1
        return number

    @property
    def task_runner(self) -> Any:
        """The task runner of this run."""
        return self.runner

    @property
    def parent_flow_run_id(self) -> str | None:
        """The id of the flow run that this one was called in, or None."""
        return self.parent.flow_run_id if self.parent is not None else None

    @property
    def parent_deployment_id(self) -> str | None:
        """The deployment of the flow run that this one was called in, or None."""
        found = self.parent.flow_run.deployment_id if self.parent is not None else None
        return str(found) if found is not None else None

    @property
    def root_flow_run_id(self) -> str:
        """The id of the outermost flow run in this process."""
        return self.flow_run_id if self.parent is None else self.parent.root_flow_run_id

    @staticmethod
    def get() -> "FlowRunContext | None":
        """The flow run that runs here, or None."""
        return _flow_run.get()


EngineContext = FlowRunContext


class TaskRunContext(RunContext):
    """A task run that is running here."""

    __slots__ = ("task", "task_run")

    def __init__(
        self, task: Any, task_run: Any, parameters: Mapping[str, Any], start_time: float
    ) -> None:
        super().__init__(parameters, start_time)
        self.task = task
        self.task_run = task_run

    @staticmethod
    def get() -> "TaskRunContext | None":
        """The task run that runs here, or None."""
        return _task_run.get()


class Produced:
    """Which task run made a value: the edges of a run's graph that no future shows.

    Values are told apart by identity, so each remembered value is held; only the latest few are, so
    that a run's memory does not grow with the results of its tasks.
    """

    __slots__ = ("_latest",)

    def __init__(self) -> None:
        self._latest: deque[tuple[Any, str]] = deque(maxlen=_RESULTS_REMEMBERED)

    def remember(self, value: Any, task_run_id: str) -> None:
        """Note that a task run returned this value. Small constants are shared, so not noted."""
        if value is None or value.__class__ in _SHARED:
            return
        self._latest.append((value, task_run_id))

    def maker(self, value: Any) -> str | None:
        """The task run that returned this value, where it is remembered."""
        if value is None or value.__class__ in _SHARED:
            return None
        for known, task_run_id in reversed(self._latest):
            if known is value:
                return task_run_id
        return None


_SHARED = frozenset((bool, int, float, str, bytes, complex, type))


def get_run_context() -> FlowRunContext | TaskRunContext:
    """The context of the innermost run here.

    Raises:
        MissingContextError: No run is running here.
    """
    found = _task_run.get() or _flow_run.get()
    if found is None:
        message = "No flow run or task run is running here. Ask from inside a flow or a task."
        raise MissingContextError(message)
    return found


def current_tags() -> frozenset[str]:
    """The tags that `tags(…)` put on the runs made here."""
    return _tags.get()


@contextmanager
def tags(*new_tags: str) -> Generator[set[str]]:
    """Put tags on every run that is made inside of this block, besides those already there."""
    joined = _tags.get() | frozenset(new_tags)
    token = _tags.set(joined)
    try:
        yield set(joined)
    finally:
        _tags.reset(token)


@contextmanager
def in_flow_run(context: FlowRunContext | None) -> Generator[None]:
    """Be inside of a flow run, and of no task run."""
    flow_token = _flow_run.set(context)
    task_token = _task_run.set(None)
    try:
        yield
    finally:
        _task_run.reset(task_token)
        _flow_run.reset(flow_token)


def enter_task_run(context: TaskRunContext) -> Any:
    """Be inside of a task run until `leave_task_run`; a pair of calls, because it is a hot path."""
    return _task_run.set(context)


def leave_task_run(token: Any) -> None:
    """Be where one was before `enter_task_run`."""
    _task_run.reset(token)


def current_flow_run_id() -> "UUID | None":
    """The id of the flow run that runs here, or None."""
    context = _flow_run.get()
    return context.flow_run.id if context is not None else None
