"""HTTP of bundles: code that is uploaded when it is deployed and fetched by workers."""

from typing import Any

from headrace.server.api.operations import Answer, Call, Operations
from headrace.server.services import bundles

operations = Operations("bundles")

_BINARY = b"application/octet-stream"


@operations.post_empty("/headrace/bundles/{sha256}/keep", status=204)
async def keep_bundle(call: Call[None]) -> None:
    """Keep a bundle that is about to be named by a deployment; 404 says that it must be uploaded."""
    await bundles.keep_bundle(call.services.database, call.path["sha256"])


@operations.put_bytes("/headrace/bundles/{sha256}")
async def add_bundle(call: Call[Any]) -> None:
    """Upload a bundle, unless it is there already."""
    services = call.services
    limit = services.config.max_bundle_bytes
    await bundles.add_bundle(services.database, call.path["sha256"], call.body, limit)


@operations.get("/headrace/bundles/{sha256}", returns=str, media_type="application/octet-stream")
async def read_bundle(call: Call[None]) -> Answer:
    """Fetch a bundle."""
    parts = await bundles.open_bundle(call.services.database, call.path["sha256"])
    return Answer(200, parts, _BINARY)
