"""The base job template that a new pool of each kind starts with."""

from typing import Any, Final

from headrace.infrastructure.process.template import TEMPLATE as PROCESS

DEFAULT_TEMPLATES: Final[dict[str, dict[str, Any]]] = {"process": dict(PROCESS)}
