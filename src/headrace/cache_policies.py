"""Cache policies: what must be the same for a stored result to be used again.

Add policies (`INPUTS + TASK_SOURCE`) to ask for more; subtract a name (`INPUTS - "debug"`) to leave
an argument out.
"""

import hashlib
import inspect
import json
from collections.abc import Callable, Mapping
from typing import Any

from headrace._bindings import HEAVY, load
from headrace.errors import HashError, NotImplementedYet


def hash_objects(*values: Any) -> str:
    """A stable hash of some values.

    Raises:
        HashError: A value can neither be written as JSON nor pickled.
    """
    try:
        written = json.dumps(values, sort_keys=True, default=_refuse).encode()
    except (TypeError, ValueError):
        try:
            written = load(HEAVY["cloudpickle.dumps"])(values)
        except Exception as error:
            message = f"cannot hash {[type(v).__name__ for v in values]}: {error}"
            raise HashError(message) from error
    return hashlib.md5(written, usedforsecurity=False).hexdigest()


def _refuse(value: Any) -> Any:
    raise TypeError(type(value).__name__)


class CachePolicy:
    """A rule that makes a cache key."""

    is_none = False

    def compute_key(
        self, task_ctx: Any, inputs: Mapping[str, Any], flow_parameters: Mapping[str, Any], **_: Any
    ) -> str | None:
        """The key of a run, or None to use no stored result.

        Args:
            task_ctx: The `TaskRunContext`.
            inputs: The task's parameters.
            flow_parameters: The flow run's.
        """
        raise NotImplementedError

    @staticmethod
    def from_cache_key_fn(
        cache_key_fn: Callable[[Any, dict[str, Any]], str | None],
    ) -> "CachePolicy":
        """The policy of a function of context and parameters."""
        return CacheKeyFnPolicy(cache_key_fn)

    def configure(self, **options: Any) -> "CachePolicy":
        """Choose storage, locks and isolation for the keys."""
        message = f"configure({', '.join(options)}) of a cache policy is not supported yet."
        raise NotImplementedYet(message)

    def __add__(self, other: "CachePolicy") -> "CachePolicy":
        if self.is_none or other.is_none:
            return other if self.is_none else self
        return CompoundCachePolicy([*_parts(self), *_parts(other)])

    def __sub__(self, name: str) -> "CachePolicy":
        return CompoundCachePolicy([*_parts(self), Inputs(exclude=[name])])


class NoCache(CachePolicy):
    """Never uses a stored result."""

    is_none = True

    def compute_key(self, *_: Any, **__: Any) -> str | None:
        """None."""
        return None


class CacheKeyFnPolicy(CachePolicy):
    """The key that a function of yours makes."""

    def __init__(self, cache_key_fn: Callable[[Any, dict[str, Any]], str | None]) -> None:
        self.cache_key_fn = cache_key_fn

    def compute_key(
        self, task_ctx: Any, inputs: Mapping[str, Any], flow_parameters: Mapping[str, Any], **_: Any
    ) -> str | None:
        """What the function returns."""
        del flow_parameters
        return self.cache_key_fn(task_ctx, dict(inputs))


class Inputs(CachePolicy):
    """The same arguments, less those excluded."""

    def __init__(self, exclude: list[str] | None = None) -> None:
        self.exclude = list(exclude or [])

    def compute_key(
        self, task_ctx: Any, inputs: Mapping[str, Any], flow_parameters: Mapping[str, Any], **_: Any
    ) -> str | None:
        """A hash of the arguments."""
        del task_ctx, flow_parameters
        return hash_objects({k: v for k, v in inputs.items() if k not in self.exclude})

    def __sub__(self, name: str) -> CachePolicy:
        return Inputs([*self.exclude, name])


class TaskSource(CachePolicy):
    """The same code of the task."""

    def compute_key(
        self, task_ctx: Any, inputs: Mapping[str, Any], flow_parameters: Mapping[str, Any], **_: Any
    ) -> str | None:
        """A hash of the function's source, or of its byte code where there is no source."""
        del inputs, flow_parameters
        function = task_ctx.task.fn
        try:
            return hash_objects(inspect.getsource(function))
        except (OSError, TypeError):
            return hash_objects(repr(function.__code__.co_code))


class FlowParameters(CachePolicy):
    """The same parameters of the flow run."""

    def compute_key(
        self, task_ctx: Any, inputs: Mapping[str, Any], flow_parameters: Mapping[str, Any], **_: Any
    ) -> str | None:
        """A hash of the flow run's parameters, or None outside of a flow."""
        del task_ctx, inputs
        return hash_objects(dict(flow_parameters)) if flow_parameters else None


class RunId(CachePolicy):
    """The same flow run: attempts of one run share results, runs do not."""

    def compute_key(
        self, task_ctx: Any, inputs: Mapping[str, Any], flow_parameters: Mapping[str, Any], **_: Any
    ) -> str | None:
        """The flow run's id; the task run's own outside of a flow."""
        del inputs, flow_parameters
        run = task_ctx.task_run
        return str(run.flow_run_id or run.id)


class CompoundCachePolicy(CachePolicy):
    """Several policies at once: all of their keys must be the same."""

    def __init__(self, policies: list[CachePolicy]) -> None:
        excluded = [name for p in policies if isinstance(p, Inputs) for name in p.exclude]
        self.policies = [p for p in policies if not isinstance(p, Inputs)]
        if any(isinstance(p, Inputs) for p in policies):
            self.policies.append(Inputs(excluded))

    def compute_key(
        self, task_ctx: Any, inputs: Mapping[str, Any], flow_parameters: Mapping[str, Any], **_: Any
    ) -> str | None:
        """A hash of the keys, or None when no policy has one."""
        keys = [p.compute_key(task_ctx, inputs, flow_parameters) for p in self.policies]
        found = [key for key in keys if key is not None]
        return hash_objects(found) if found else None


def task_input_hash(context: Any, arguments: dict[str, Any]) -> str | None:
    """A key of a task's code and its arguments, for `cache_key_fn`."""
    return (INPUTS + TASK_SOURCE).compute_key(context, arguments, {})


def _parts(policy: CachePolicy) -> list[CachePolicy]:
    return policy.policies if isinstance(policy, CompoundCachePolicy) else [policy]


INPUTS = Inputs()
TASK_SOURCE = TaskSource()
FLOW_PARAMETERS = FlowParameters()
RUN_ID = RunId()
NO_CACHE = NoCache()
NONE = NO_CACHE
DEFAULT = INPUTS + TASK_SOURCE + RUN_ID
