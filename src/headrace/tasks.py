"""Tasks: functions whose calls are tracked, retried and cached as the steps of a flow."""

import copy
import zlib
from collections.abc import Callable, Iterable, Sequence
from functools import cached_property, update_wrapper
from typing import TYPE_CHECKING, Any, Generic, ParamSpec, TypeVar, overload

from headrace._bindings import late
from headrace.annotations import NotSet
from headrace.core.entry_modules import importable_name
from headrace.core.retries import MAX_DELAYS, Delays, exponential_backoff
from headrace.errors import ConfigurationError, NotImplementedYet
from headrace.options import Hook, checked_hooks, refuse_not_yet
from headrace.parameters import Signature, is_coroutine_function, is_generator_function
from headrace.settings import settings

__all__ = ["Task", "exponential_backoff", "task", "task_input_hash"]

if TYPE_CHECKING:
    from datetime import timedelta

P = ParamSpec("P")
R = TypeVar("R")

RESERVED = ("return_state", "wait_for")


class Task(Generic[P, R]):
    """A function that runs as a task when it is called, submitted or mapped.

    Args:
        fn: The function; may be a coroutine function.
        name: Shown for the task; the function's name when left out.
        description: What it does; the docstring when left out.
        tags: Put on each run. Concurrency limits are set on tags.
        version: A text of yours.
        cache_policy: When a stored result is used instead of running; see `headrace.cache_policies`.
        cache_key_fn: A function of context and parameters that makes the cache key.
        cache_expiration: How long a stored result may be used.
        task_run_name: A template of the parameters, as `"score-{day}"`, or a function.
        retries: How often a failed run is tried again; as the settings have it when left out.
        retry_delay_seconds: Seconds before a retry: one number, one for each, or a function of the
            number of retries, as `exponential_backoff(2)`; as the settings have it when left out.
        retry_jitter_factor: How much delays vary: 0.5 makes 10 s anything from 5 s to 15 s.
        persist_result: Store the result; by default as the flow does.
        result_storage_key: A template that names the stored result.
        cache_result_in_memory: Accepted for the contract.
        timeout_seconds: Seconds after which one attempt is stopped.
        log_prints: Send what the function prints to the run's log; by default as the flow does.
        refresh_cache: Run although a stored result exists, and replace it.
        on_completion: Functions of task, task run and state, called when a run completes.
        on_failure: The same, when a run fails for good.
        on_running: The same, when a run starts.
        retry_condition_fn: A function of task, task run and state: whether to retry this failure.
        viz_return_value: Accepted for the contract.

    Raises:
        ReservedArgumentError: The function has a parameter that the engine needs for itself.
        ConfigurationError: An option makes no sense.
    """

    def __init__(  # noqa: PLR0917  # the contract's signature
        self,
        fn: Callable[P, R],
        name: str | None = None,
        description: str | None = None,
        tags: Iterable[str] | None = None,
        version: str | None = None,
        cache_policy: Any = NotSet,
        cache_key_fn: Callable[..., str | None] | None = None,
        cache_expiration: "timedelta | None" = None,
        task_run_name: Any = None,
        retries: int | None = None,
        retry_delay_seconds: Any = None,
        retry_jitter_factor: float | None = None,
        persist_result: bool | None = None,
        result_storage: Any = None,
        result_serializer: Any = None,
        result_storage_key: str | None = None,
        cache_result_in_memory: bool = True,
        timeout_seconds: float | None = None,
        log_prints: bool | None = None,
        refresh_cache: bool | None = None,
        on_completion: Sequence[Hook] | None = None,
        on_failure: Sequence[Hook] | None = None,
        on_running: Sequence[Hook] | None = None,
        on_rollback: Sequence[Hook] | None = None,
        on_commit: Sequence[Hook] | None = None,
        retry_condition_fn: Callable[..., Any] | None = None,
        viz_return_value: Any = None,
        asset_deps: Sequence[Any] | None = None,
    ) -> None:
        self.options: dict[str, Any] = {k: v for k, v in locals().items() if k not in _NOT_OPTIONS}
        self.isclassmethod = isinstance(fn, classmethod)
        self.isstaticmethod = isinstance(fn, staticmethod)
        self._wrapped = fn
        self.fn: Callable[..., Any] = getattr(fn, "__func__", fn) if self._is_marked() else fn
        if not callable(self.fn):
            message = f"@task goes on a function, not on {fn!r}."
            raise TypeError(message)
        update_wrapper(self, self.fn)
        self.isasync = is_coroutine_function(self.fn)
        if is_generator_function(self.fn):
            message = (
                f"{self.fn.__name__}() yields; tasks that are generators are not supported yet."
            )
            raise NotImplementedYet(message)
        self.signature = Signature(self.fn)
        self.signature.reserve(*RESERVED)
        self.name = name or getattr(self.fn, "__name__", type(self.fn).__name__)
        self.description = description or getattr(self.fn, "__doc__", None)
        self.tags = frozenset(tags or ())
        self.version = version
        self.task_key = f"{self.name}-{_key_suffix(self.fn):08x}"
        self.task_run_name = task_run_name
        self._set_retries(retries, retry_delay_seconds, retry_jitter_factor)
        self.retry_condition_fn = retry_condition_fn
        self.timeout_seconds = float(timeout_seconds) if timeout_seconds else None
        self.log_prints = log_prints
        self.refresh_cache = refresh_cache
        self.cache_expiration = cache_expiration
        self.cache_result_in_memory = cache_result_in_memory
        self.result_storage_key = result_storage_key
        self.viz_return_value = viz_return_value
        self._set_caching(cache_policy, cache_key_fn, persist_result)
        refuse_not_yet(result_storage, result_serializer)
        if on_rollback or on_commit or asset_deps:
            message = "on_rollback, on_commit and asset_deps of a task are not supported yet."
            raise NotImplementedYet(message)
        self.on_completion_hooks = checked_hooks(on_completion, "on_completion")
        self.on_failure_hooks = checked_hooks(on_failure, "on_failure")
        self.on_running_hooks = checked_hooks(on_running, "on_running")

    def _is_marked(self) -> bool:
        return self.isclassmethod or self.isstaticmethod

    def _set_retries(self, retries: int | None, delays: Any, jitter: float | None) -> None:
        self.given_retries = retries
        if callable(delays):
            delays = delays(retries or 0)
        if not isinstance(delays, int | float | None) and len(delays) > MAX_DELAYS:
            message = f"retry_delay_seconds lists {len(delays)} delays; {MAX_DELAYS} is the most."
            raise ConfigurationError(message)
        if jitter is not None and jitter < 0:
            message = f"retry_jitter_factor is {jitter}; it must be 0 or more."
            raise ConfigurationError(message)
        self.given_delays: Delays | None = delays
        self.retry_jitter_factor = jitter

    @cached_property
    def retries(self) -> int:
        """How often a failed run is tried again: as given, or as the settings have it."""
        if self.given_retries is not None:
            return self.given_retries
        return settings().tasks_default_retries

    @cached_property
    def retry_delay_seconds(self) -> Delays:
        """Seconds before a retry, one number or one for each: as given, or as the settings have it."""
        if self.given_delays is not None:
            return self.given_delays
        return settings().tasks_default_retry_delay_seconds

    def _set_caching(self, policy: Any, key_fn: Any, persist_result: bool | None) -> None:
        """A cache needs stored results, so a task that asks for one asks for storing too."""
        asks = policy is not NotSet and policy is not None and not getattr(policy, "is_none", False)
        if (asks or key_fn or self.result_storage_key) and persist_result is None:
            persist_result = True
        if persist_result is False and (asks or key_fn):
            message = (
                f"Task {self.name!r} has a cache and persist_result=False; a cache stores results."
            )
            raise ConfigurationError(message)
        self.persist_result = persist_result
        self.cache_key_fn = key_fn
        self.cache_policy = policy

    @property
    def ismethod(self) -> bool:
        """Whether this is bound to an object."""
        return hasattr(self.fn, "__self__")

    def __get__(self, instance: Any, owner: type | None = None) -> "Task[P, R]":
        if self.isstaticmethod or (instance is None and not self.isclassmethod):
            return self
        bound = copy.copy(self)
        target = owner if self.isclassmethod else instance
        bound.fn = self.fn.__get__(target, owner)
        bound.signature = Signature(bound.fn)
        return bound

    def __call__(
        self, *args: Any, return_state: bool = False, wait_for: Any = None, **kwargs: Any
    ) -> Any:
        """Run the task here and now.

        Args:
            args: For the function; futures among them are waited for.
            return_state: Give the final state instead of the result, and raise nothing.
            wait_for: Futures or states that must have completed first.
            kwargs: For the function.

        Returns:
            The result, or something to await for a task on a coroutine function.
        """
        parameters = self.signature.bind(args, kwargs)
        return late("Task.__call__")(self, parameters, wait_for, return_state)

    def submit(
        self, *args: Any, return_state: bool = False, wait_for: Any = None, **kwargs: Any
    ) -> Any:
        """Hand the task to the flow's task runner; the future of its run.

        Args: as for a call. With `return_state` it waits, and gives the final state.

        Raises:
            MissingContextError: No flow run is running here.
        """
        parameters = self.signature.bind(args, kwargs)
        return late("Task.submit")(self, parameters, wait_for, return_state)

    def map(
        self,
        *args: Any,
        return_state: bool = False,
        wait_for: Any = None,
        deferred: bool = False,
        **kwargs: Any,
    ) -> Any:
        """Submit one run for each element of the sequences among the arguments.

        An argument that is not a sequence, or is marked `unmapped`, is given to every run. With
        `deferred` the runs are handed to background workers of the task.

        Returns:
            A list of futures, or of states with `return_state`.

        Raises:
            MappingMissingIterable: No argument is a sequence.
            MappingLengthMismatch: The sequences differ in length.
        """
        given = set(self.signature.names[: len(args)]) | set(kwargs)
        parameters = self.signature.bind(args, kwargs)
        if deferred:
            return late("Task.map(deferred)")(self, parameters, given, wait_for)
        return late("Task.map")(self, parameters, given, wait_for, return_state)

    def delay(self, *args: Any, **kwargs: Any) -> Any:
        """Hand a run to background workers of the task, which `serve` starts; its future.

        Args: as for a call.
        """
        return self.apply_async(args, kwargs)

    def apply_async(
        self,
        args: tuple[Any, ...] | None = None,
        kwargs: dict[str, Any] | None = None,
        wait_for: Any = None,
        dependencies: Any = None,
    ) -> Any:
        """Hand a run to background workers of the task; its future.

        Args:
            args: For the function, by position.
            kwargs: For the function, by name.
            wait_for: Futures or states that must have completed first.
            dependencies: Accepted for the contract.

        Raises:
            SerializationError: An argument cannot be stored for the worker.
            HeadraceError: The API refuses, or does not answer.
        """
        del dependencies
        parameters = self.signature.bind(args or (), kwargs or {})
        return late("Task.apply_async")(self, parameters, wait_for)

    def serve(self) -> None:
        """Run what is handed to background workers of this task, here, until stopped."""
        late("Task.serve")(self)

    def with_options(self, **changes: Any) -> "Task[P, R]":
        """A copy of this task with some options changed.

        Args:
            changes: Options of `@task`; those that are None or `NotSet` stay as they are.
        """
        unknown = changes.keys() - self.options.keys()
        if unknown:
            message = f"@task has no option {sorted(unknown)}; it has {sorted(self.options)}."
            raise TypeError(message)
        kept = {k: v for k, v in changes.items() if v is not NotSet and v is not None}
        return type(self)(self._wrapped, **(self.options | kept))

    def on_completion(self, fn: Hook) -> Hook:
        """Add a function that is called when a run completes; usable as a decorator."""
        self.on_completion_hooks.append(fn)
        return fn

    def on_failure(self, fn: Hook) -> Hook:
        """Add a function that is called when a run fails for good; usable as a decorator."""
        self.on_failure_hooks.append(fn)
        return fn

    def on_running(self, fn: Hook) -> Hook:
        """Add a function that is called when a run starts; usable as a decorator."""
        self.on_running_hooks.append(fn)
        return fn

    def __repr__(self) -> str:
        return f"<Task {self.name!r}>"


_NOT_OPTIONS = frozenset(("self", "fn", "__class__"))


@overload
def task(fn: Callable[P, R], /) -> Task[P, R]: ...


@overload
def task(fn: None = None, /, **options: Any) -> Callable[[Callable[P, R]], Task[P, R]]: ...


def task(fn: Any = None, /, **options: Any) -> Any:
    """Make a function a task: `@task` or `@task(retries=3)`. The options are those of `Task`."""
    if fn is not None:
        return Task(fn, **options)

    def decorate(function: Callable[..., Any]) -> Task[..., Any]:
        return Task(function, **options)

    return decorate


def task_input_hash(context: Any, arguments: dict[str, Any]) -> str | None:
    """A cache key of a task's code and its arguments: for `cache_key_fn`."""
    return late("task_input_hash")(context, arguments)


def _key_suffix(function: Any) -> int:
    """Tells apart tasks of one name in different places of a program."""
    code = getattr(function, "__code__", None)
    module = importable_name(str(getattr(function, "__module__", "")), code and code.co_filename)
    return zlib.crc32(f"{module}:{getattr(function, '__qualname__', '')}".encode())
