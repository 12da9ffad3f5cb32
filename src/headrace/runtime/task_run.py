"""The task run that runs here."""

from collections.abc import Callable
from typing import Any

from headrace.context import TaskRunContext
from headrace.settings import settings


def _resource() -> str | None:
    context, url = TaskRunContext.get(), settings().api_url
    if context is None or not url:
        return None
    return f"{url.removesuffix('/')}/task_runs/{context.task_run.id_text}"


def _page() -> str | None:
    context, url = TaskRunContext.get(), settings().api_url
    if context is None or not url:
        return None
    site = url.removesuffix("/").removesuffix("/api")
    return f"{site}/runs/task-run/{context.task_run.id_text}"


def _of_run(read: Callable[[TaskRunContext], Any], default: Any = None) -> Callable[[], Any]:
    def value() -> Any:
        context = TaskRunContext.get()
        return default if context is None else read(context)

    return value


_FIELDS: dict[str, Callable[[], Any]] = {
    "id": _of_run(lambda c: c.task_run.id_text),
    "name": _of_run(lambda c: c.task_run.name),
    "task_name": _of_run(lambda c: c.task.name),
    "tags": _of_run(lambda c: sorted(c.task_run.tags), []),
    "parameters": _of_run(lambda c: dict(c.parameters), {}),
    "run_count": _of_run(lambda c: c.task_run.run_count, 0),
    "api_url": _resource,
    "ui_url": _page,
}
__all__ = list(_FIELDS)  # pyright: ignore[reportUnsupportedDunderAll]  # read through __getattr__


def __getattr__(name: str) -> Any:
    field = _FIELDS.get(name)
    if field is None:
        message = f"a task run has no {name!r}; it has {sorted(_FIELDS)}"
        raise AttributeError(message)
    return field()
