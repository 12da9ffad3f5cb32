"""HTTP of collections: what kinds of pools there are, as clients look them up."""

from typing import Any, Final

from headrace.errors import ObjectNotFound
from headrace.infrastructure.templates import POOL_TYPES
from headrace.server.api.operations import Call, Operations
from headrace.wire.decode import encode

operations = Operations("collections")

_WORKERS: Final = "aggregate-worker-metadata"
_VIEWS: Final = (_WORKERS, "aggregate-block-metadata", "aggregate-flow-metadata")


@operations.get("/collections/views/{view}", returns=dict[str, Any])
async def read_view(call: Call[None]) -> bytes:
    """Read one view: the kinds of pools; the views of blocks and flows are empty."""
    view = call.path["view"]
    if view not in _VIEWS:
        message = f"There is no view {view!r}; there are {', '.join(_VIEWS)}."
        raise ObjectNotFound(message)
    return encode(_workers() if view == _WORKERS else {})


def _workers() -> dict[str, dict[str, object]]:
    found: dict[str, dict[str, object]] = {}
    for kind, pool_type in POOL_TYPES.items():
        found.setdefault(pool_type.package, {})[kind] = {
            "type": kind,
            "display_name": pool_type.display_name,
            "description": pool_type.description,
            "default_base_job_configuration": pool_type.template,
            "install_command": f"pip install {pool_type.package}",
            "documentation_url": None,
            "logo_url": None,
            "is_beta": False,
        }
    return found
