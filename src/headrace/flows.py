"""Flows: functions whose runs the server knows, with parameters, states, logs and tasks."""

import copy
import os.path
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property, update_wrapper
from typing import Any, Generic, ParamSpec, TypeVar, overload

from headrace._bindings import HEAVY, late, load
from headrace.annotations import NotSet
from headrace.core.retries import Delays
from headrace.errors import InvalidNameError, NotImplementedYet
from headrace.options import Hook, checked_hooks, refuse_not_yet
from headrace.parameters import Signature, is_coroutine_function, is_generator_function
from headrace.settings import settings

__all__ = ["Flow", "flow"]

P = ParamSpec("P")
R = TypeVar("R")

RESERVED = ("return_state", "wait_for")
BANNED = "/%&><"  # characters that the contract allows in no flow's name


class Flow(Generic[P, R]):
    """A function that runs as a flow when it is called.

    Args:
        fn: The function; may be a coroutine function.
        name: Names the flow on the server; the function's name with dashes when left out.
        version: A text of yours; a hash of the file when left out.
        flow_run_name: A template of the parameters, as `"load-{day}"`, or a function.
        retries: How often a failed run is tried again; as the settings have it when left out.
        retry_delay_seconds: Seconds before a retry, one number or one for each; as the settings have it
            when left out.
        task_runner: Runs submitted tasks; a pool of threads when left out.
        description: What it does; the docstring when left out.
        timeout_seconds: Seconds after which one attempt is stopped.
        validate_parameters: Check and convert parameters by the function's annotations.
        persist_result: Store the results of the flow and, unless they say otherwise, its tasks.
        cache_result_in_memory: Accepted for the contract.
        log_prints: Send what the function prints to the run's log.
        on_completion: Functions of flow, flow run and state, called when a run completes.
        on_failure: The same, when a run fails for good.
        on_cancellation: The same, when a run is cancelled.
        on_crashed: The same, when something outside of its code ends a run.
        on_running: The same, when a run starts.

    Raises:
        InvalidNameError: The name has a character that names may not have.
        ReservedArgumentError: The function has a parameter that the engine needs for itself.
        ConfigurationError: An option makes no sense.
    """

    def __init__(  # noqa: PLR0917  # the contract's signature
        self,
        fn: Callable[P, R],
        name: str | None = None,
        version: str | None = None,
        flow_run_name: str | Callable[..., str] | None = None,
        retries: int | None = None,
        retry_delay_seconds: Delays | None = None,
        task_runner: Any = None,
        description: str | None = None,
        timeout_seconds: float | None = None,
        validate_parameters: bool = True,
        persist_result: bool | None = None,
        result_storage: Any = None,
        result_serializer: Any = None,
        cache_result_in_memory: bool = True,
        log_prints: bool | None = None,
        on_completion: Sequence[Hook] | None = None,
        on_failure: Sequence[Hook] | None = None,
        on_cancellation: Sequence[Hook] | None = None,
        on_crashed: Sequence[Hook] | None = None,
        on_running: Sequence[Hook] | None = None,
    ) -> None:
        self.options: dict[str, Any] = {k: v for k, v in locals().items() if k not in _NOT_OPTIONS}
        self.isclassmethod = isinstance(fn, classmethod)
        self.isstaticmethod = isinstance(fn, staticmethod)
        self._wrapped = fn
        marked = self.isclassmethod or self.isstaticmethod
        self.fn: Callable[..., Any] = getattr(fn, "__func__", fn) if marked else fn
        if not callable(self.fn):
            message = f"@flow goes on a function, not on {fn!r}."
            raise TypeError(message)
        update_wrapper(self, self.fn)
        self.isasync = is_coroutine_function(self.fn)
        if is_generator_function(self.fn):
            message = (
                f"{self.fn.__name__}() yields; flows that are generators are not supported yet."
            )
            raise NotImplementedYet(message)
        self.signature = Signature(self.fn)
        self.signature.reserve(*RESERVED)
        self.name = checked_name(name or getattr(self.fn, "__name__", "").replace("_", "-"))
        self.given_version = version
        self.flow_run_name = flow_run_name
        self.description = description or getattr(self.fn, "__doc__", None)
        self.given_retries = retries
        self.given_delay = retry_delay_seconds
        self.given_task_runner = task_runner
        self.timeout_seconds = float(timeout_seconds) if timeout_seconds else None
        self.should_validate_parameters = validate_parameters
        self.persist_result = persist_result
        self.cache_result_in_memory = cache_result_in_memory
        self.log_prints = log_prints
        refuse_not_yet(result_storage, result_serializer)
        self.on_completion_hooks = checked_hooks(on_completion, "on_completion")
        self.on_failure_hooks = checked_hooks(on_failure, "on_failure")
        self.on_cancellation_hooks = checked_hooks(on_cancellation, "on_cancellation")
        self.on_crashed_hooks = checked_hooks(on_crashed, "on_crashed")
        self.on_running_hooks = checked_hooks(on_running, "on_running")
        self.storage: Any = None
        self.source_entrypoint: str | None = None

    @cached_property
    def version(self) -> str | None:
        """The version given, or a hash of the file the flow is in, where there is one."""
        if self.given_version is not None:
            return self.given_version
        code = getattr(self.fn, "__code__", None)
        if code is None or not os.path.isfile(code.co_filename):  # noqa: PTH113  # pathlib is dear
            return None
        with open(code.co_filename, "rb") as source:  # noqa: PTH123  # as above
            return load(HEAVY["md5"])(source.read(), usedforsecurity=False).hexdigest()

    @cached_property
    def retries(self) -> int:
        """How often a failed run is tried again: as given, or as the settings have it."""
        return (
            settings().flows_default_retries if self.given_retries is None else self.given_retries
        )

    @cached_property
    def retry_delay_seconds(self) -> Delays:
        """Seconds before a retry, one number or one for each: as given, or as the settings have it."""
        if self.given_delay is not None:
            return self.given_delay
        return settings().flows_default_retry_delay_seconds

    @property
    def task_runner(self) -> Any:
        """The task runner that runs of this flow are given copies of."""
        given = self.given_task_runner
        if given is None:
            return late("Flow.task_runner")(settings().tasks_runner_thread_pool_max_workers)
        return given() if isinstance(given, type) else given

    @property
    def ismethod(self) -> bool:
        """Whether this is bound to an object."""
        return hasattr(self.fn, "__self__")

    @property
    def entrypoint(self) -> str:
        """Where to load the flow from: `path/file.py:name`, or `module:name` where there is no file.

        Relative to its source, where it came from one.
        """
        if self.source_entrypoint is not None:
            return self.source_entrypoint
        code = getattr(self.fn, "__code__", None)
        where = getattr(self.fn, "__qualname__", self.name)
        if code is not None and os.path.isfile(code.co_filename):  # noqa: PTH113  # as above
            return f"{code.co_filename}:{where}"
        return f"{self.fn.__module__}:{where}"

    def __get__(self, instance: Any, owner: type | None = None) -> "Flow[P, R]":
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
        """Run the flow here and now, as a sub-flow where another flow is running.

        Args:
            args: For the function; futures among them are waited for.
            return_state: Give the final state instead of the result, and raise nothing.
            wait_for: Futures or states that must have completed first.
            kwargs: For the function.

        Returns:
            The result, or something to await for a flow on a coroutine function.
        """
        parameters = self.signature.bind(args, kwargs)
        return late("Flow.__call__")(self, parameters, wait_for, return_state)

    def validate_parameters(self, parameters: Mapping[str, Any]) -> dict[str, Any]:
        """Parameters checked and converted by the function's annotations.

        Raises:
            ParameterTypeError: A value does not fit; all that do not are named.
            SignatureMismatchError: The function has no such parameter.
            ParameterBindError: A parameter is missing.
        """
        bound = self.signature.from_mapping(parameters)
        return late("Flow.validate_parameters")(self.fn, bound)

    def serialize_parameters(self, parameters: Mapping[str, Any]) -> dict[str, Any]:
        """Parameters as JSON values; those that have no such form are left out."""
        return late("Flow.serialize_parameters")(parameters)

    def to_deployment(self, name: str, *args: Any, **options: Any) -> Any:
        """This flow as a deployment, to be given to `serve` or `deploy`.

        Args:
            name: The deployment's name.
            args: Interval, cron and rrule, in this order.
            options: As of `RunnerDeployment.from_flow`.
        """
        return late("Flow.to_deployment")(self, name, *args, **options)

    def serve(self, name: str | None = None, *args: Any, **options: Any) -> None:
        """Register a deployment of this flow, and run what is scheduled of it here until stopped.

        Args:
            name: The deployment's name; the flow's when left out.
            args: Interval, cron and rrule, in this order.
            options: As of `headrace.deployments.serving.serve_flow`.
        """
        late("Flow.serve")(self, name, *args, **options)

    def deploy(self, name: str, *args: Any, **options: Any) -> Any:
        """Register a deployment of this flow with a work pool; its id.

        Args:
            name: The deployment's name.
            args: Work pool and image, in this order.
            options: As of `headrace.deployments.deploying.deploy_flow`.
        """
        return late("Flow.deploy")(self, name, *args, **options)

    @staticmethod
    def from_source(source: Any, entrypoint: str) -> "Flow[..., Any]":
        """The flow that is somewhere else: to be deployed or served from there, or called here.

        Args:
            source: A path, a git or object storage address, a storage as `GitRepository(...)`, or a
                block that can fetch a directory.
            entrypoint: Where in it the flow is: `path/file.py:name`.

        Raises:
            CodeUnavailable: The code cannot be had.
            MissingFlowError: There is no such flow in it.
        """
        return late("Flow.from_source")(source, entrypoint)

    def with_options(self, **changes: Any) -> "Flow[P, R]":
        """A copy of this flow with some options changed.

        Args:
            changes: Options of `@flow`; those that are None or `NotSet` stay as they are.
        """
        unknown = changes.keys() - self.options.keys()
        if unknown:
            message = f"@flow has no option {sorted(unknown)}; it has {sorted(self.options)}."
            raise TypeError(message)
        kept = {k: v for k, v in changes.items() if v is not NotSet and v is not None}
        changed = type(self)(self._wrapped, **(self.options | kept))
        changed.storage, changed.source_entrypoint = self.storage, self.source_entrypoint
        return changed

    def on_completion(self, fn: Hook) -> Hook:
        """Add a function that is called when a run completes; usable as a decorator."""
        self.on_completion_hooks.append(fn)
        return fn

    def on_failure(self, fn: Hook) -> Hook:
        """Add a function that is called when a run fails for good; usable as a decorator."""
        self.on_failure_hooks.append(fn)
        return fn

    def on_cancellation(self, fn: Hook) -> Hook:
        """Add a function that is called when a run is cancelled; usable as a decorator."""
        self.on_cancellation_hooks.append(fn)
        return fn

    def on_crashed(self, fn: Hook) -> Hook:
        """Add a function that is called when a run crashes; usable as a decorator."""
        self.on_crashed_hooks.append(fn)
        return fn

    def on_running(self, fn: Hook) -> Hook:
        """Add a function that is called when a run starts; usable as a decorator."""
        self.on_running_hooks.append(fn)
        return fn

    def __repr__(self) -> str:
        return f"<Flow {self.name!r}>"


_NOT_OPTIONS = frozenset(("self", "fn", "__class__"))


@overload
def flow(fn: Callable[P, R], /) -> Flow[P, R]: ...


@overload
def flow(fn: None = None, /, **options: Any) -> Callable[[Callable[P, R]], Flow[P, R]]: ...


def flow(fn: Any = None, /, **options: Any) -> Any:
    """Make a function a flow: `@flow` or `@flow(retries=3)`. The options are those of `Flow`."""
    if fn is not None:
        return Flow(fn, **options)

    def decorate(function: Callable[..., Any]) -> Flow[..., Any]:
        return Flow(function, **options)

    return decorate


flow.from_source = Flow.from_source  # pyright: ignore[reportFunctionMemberAccess]  # as the contract has it


def checked_name(name: str) -> str:
    """A flow's name.

    Raises:
        InvalidNameError: It has a character that names may not have, or is empty.
    """
    bad = sorted(set(name) & set(BANNED))
    if bad or not name:
        message = f"A flow cannot be named {name!r}: {' '.join(bad) or 'empty'} is not allowed."
        raise InvalidNameError(message)
    return name


def load_flow_from_entrypoint(entrypoint: str) -> Any:
    """The flow at `path/file.py:name` or `module:name`.

    Raises:
        MissingFlowError: There is no such file, module or flow.
        ScriptError: The file raised while it was loaded.
    """
    return late("load_flow_from_entrypoint")(entrypoint)
