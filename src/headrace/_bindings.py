"""The one table of late bindings: names that the public surface forces on a module below theirs.

Two kinds. `PUBLIC` are the lazy names of `import headrace`: loading them all at import would cost
more than the whole budget. `METHODS` are methods whose work lives in a layer above their class
(`Flow.serve` needs `deployments`). Nothing else in the package imports inside a function.
"""

from importlib import import_module
from typing import Any

PUBLIC: dict[str, str] = {
    "flow": "headrace.flows:flow",
    "Flow": "headrace.flows:Flow",
    "task": "headrace.tasks:task",
    "Task": "headrace.tasks:Task",
}

METHODS: dict[str, str] = {}


def load(target: str) -> Any:
    """The object at `module:attribute`, its module imported now."""
    module, _, attribute = target.partition(":")
    return getattr(import_module(module), attribute)
