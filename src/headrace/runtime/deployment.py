"""The deployment of the flow run that runs here."""

from collections.abc import Callable
from typing import Any

from headrace.context import FlowRunContext


def _of_deployment(read: Callable[[FlowRunContext], Any], default: Any = None) -> Callable[[], Any]:
    def value() -> Any:
        context = FlowRunContext.get()
        return default if context is None else read(context)

    return value


def _id(context: FlowRunContext) -> str | None:
    deployment_id = context.flow_run.deployment_id
    return None if deployment_id is None else str(deployment_id)


_FIELDS: dict[str, Callable[[], Any]] = {
    "id": _of_deployment(_id),
    "name": _of_deployment(lambda c: getattr(c.deployment, "name", None)),
    "version": _of_deployment(lambda c: c.flow_run.deployment_version),
    "parameters": _of_deployment(
        lambda c: dict(getattr(c.deployment, "parameters", None) or {}), {}
    ),
    "flow_run_id": _of_deployment(lambda c: c.flow_run_id),
}
__all__ = list(_FIELDS)  # pyright: ignore[reportUnsupportedDunderAll]  # read through __getattr__


def __getattr__(name: str) -> Any:
    field = _FIELDS.get(name)
    if field is None:
        message = f"a deployment has no {name!r} here; it has {sorted(_FIELDS)}"
        raise AttributeError(message)
    return field()
