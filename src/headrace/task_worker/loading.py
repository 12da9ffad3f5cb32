"""Finding tasks to serve by where they are."""

from typing import Any

from headrace.engine.entrypoints import load_module
from headrace.errors import MissingTaskError
from headrace.tasks import Task


def load_tasks(entrypoint: str) -> list[Any]:
    """The task at `path/file.py:name` or `module:name`, or all tasks of a file or module.

    Raises:
        MissingTaskError: There is no such task.
        MissingFlowError: There is no such file or module.
        ScriptError: It raised while it was loaded.
    """
    place, _, name = entrypoint.rpartition(":") if ":" in entrypoint else (entrypoint, "", "")
    defined: dict[str, Any] = vars(load_module(place))
    kind: type[Any] = Task
    found = {key: value for key, value in defined.items() if isinstance(value, kind)}
    if not name and found:
        return list(found.values())
    if name not in found:
        message = f"{place} has no task {name!r}; it has {list(found) or 'none'}"
        raise MissingTaskError(message)
    return [found[name]]
