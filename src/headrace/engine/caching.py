"""When a task run may use a stored result, and where its own is stored."""

import time
from typing import Any, NamedTuple
from uuid import uuid4

from headrace.annotations import NotSet
from headrace.cache_policies import DEFAULT, CacheKeyFnPolicy
from headrace.context import TaskRunContext
from headrace.engine.reporting import task_logger
from headrace.engine.task_run import TaskRun
from headrace.errors import HashError
from headrace.options import first_given
from headrace.settings import settings


class CachePlan(NamedTuple):
    """What to do about stored results in one run."""

    key: str | None
    """The key to look for, or None where no stored result may be used."""
    storage_key: str = ""
    """The file to write the result to."""
    refresh: bool = False
    """Run in any case."""
    expires_in: float | None = None
    """Seconds after which the stored result counts as gone."""

    def expires_at(self) -> float | None:
        """Seconds since the epoch."""
        return None if self.expires_in is None else time.time() + self.expires_in


no_cache = CachePlan(None)


def plan_cache(context: TaskRunContext, run: TaskRun) -> CachePlan:
    """How a run whose result is stored treats stored results."""
    task = run.task
    key = _key(context, run)
    expiration = task.cache_expiration
    return CachePlan(
        key=key,
        storage_key=key or uuid4().hex,
        refresh=first_given(task.refresh_cache, settings().tasks_refresh_cache),
        expires_in=expiration.total_seconds() if expiration is not None else None,
    )


def _key(context: TaskRunContext, run: TaskRun) -> str | None:
    task: Any = run.task
    defaults = settings()
    if defaults.tasks_disable_caching:
        return None
    if task.result_storage_key is not None:
        return task.result_storage_key.format(
            parameters=context.parameters, flow_run=run.parent and run.parent.flow_run, task_run=run
        )
    policy = task.cache_policy
    if task.cache_key_fn is not None:
        policy = CacheKeyFnPolicy(task.cache_key_fn)
    elif policy is NotSet:
        policy = None if defaults.tasks_default_no_cache else DEFAULT
    if policy is None:
        return None
    flow_parameters = dict(run.parent.parameters) if run.parent is not None else {}
    try:
        return policy.compute_key(context, dict(context.parameters), flow_parameters)
    except HashError as error:
        task_logger.warning("%s runs without a cache: %s", run.name, error)
        return None
