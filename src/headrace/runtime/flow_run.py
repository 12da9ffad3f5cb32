"""The flow run that runs here."""

import os
from collections.abc import Callable
from datetime import datetime
from typing import Any

from headrace.context import FlowRunContext, TaskRunContext
from headrace.engine.serialization import as_json_parameters
from headrace.settings import settings


def _context() -> FlowRunContext | None:
    task = TaskRunContext.get()
    return task.task_run.parent if task is not None else FlowRunContext.get()


def _of_run(read: Callable[[Any], Any], default: Any = None) -> Callable[[], Any]:
    def value() -> Any:
        context = _context()
        return default if context is None else read(context)

    return value


def _id() -> str | None:
    context = _context()
    return context.flow_run_id if context is not None else os.environ.get("HEADRACE__FLOW_RUN_ID")


def _scheduled_start_time() -> datetime | None:
    context = _context()
    return context.flow_run.expected_start_time if context is not None else None


def _page() -> str | None:
    run_id = _id()
    url = settings().api_url
    if run_id is None or not url:
        return None
    return f"{url.removesuffix('/').removesuffix('/api')}/runs/flow-run/{run_id}"


def _resource() -> str | None:
    run_id = _id()
    url = settings().api_url
    return f"{url.removesuffix('/')}/flow_runs/{run_id}" if run_id is not None and url else None


_FIELDS: dict[str, Callable[[], Any]] = {
    "id": _id,
    "name": _of_run(lambda c: c.flow_run.name),
    "flow_name": _of_run(lambda c: c.flow_name),
    "flow_version": _of_run(lambda c: c.flow.version),
    "parameters": _of_run(lambda c: as_json_parameters(c.parameters), {}),
    "tags": _of_run(lambda c: list(c.flow_run.tags), []),
    "run_count": _of_run(lambda c: c.flow_run.run_count, 0),
    "scheduled_start_time": _scheduled_start_time,
    "job_variables": _of_run(lambda c: c.flow_run.job_variables),
    "parent_deployment_id": _of_run(lambda c: c.parent_deployment_id),
    "parent_flow_run_id": _of_run(lambda c: c.parent_flow_run_id),
    "root_flow_run_id": _of_run(lambda c: c.root_flow_run_id),
    "api_url": _resource,
    "ui_url": _page,
}
__all__ = list(_FIELDS)  # pyright: ignore[reportUnsupportedDunderAll]  # read through __getattr__


def __getattr__(name: str) -> Any:
    field = _FIELDS.get(name)
    if field is None:
        message = f"a flow run has no {name!r}; it has {sorted(_FIELDS)}"
        raise AttributeError(message)
    return field()
