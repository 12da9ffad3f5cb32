"""HTTP of the server itself: is it there, which version, what is it set to."""

from typing import Any

from headrace.errors import Unprocessable, ValidationFailed
from headrace.server.api.operations import Call, Operations
from headrace.wire.decode import encode
from headrace.wire.faults import make_fault

operations = Operations("admin")

# What clients compare with their own version: the release whose wire form this server speaks.
CONTRACT_VERSION = "3.8.8"
API_VERSION = "0.8.4"


@operations.get("/health", returns=bool)
async def read_health(_: Call[None]) -> bytes:
    """Whether the process answers."""
    return b"true"


@operations.get("/hello", returns=str)
async def say_hello(_: Call[None]) -> bytes:
    """Say hello."""
    return '"👋"'.encode()


@operations.get("/version", returns=str)
async def read_api_version(_: Call[None]) -> bytes:
    """The version of the API's wire form."""
    return encode(API_VERSION)


@operations.get("/admin/version", returns=str)
async def read_version(_: Call[None]) -> bytes:
    """The contract's release that this server speaks."""
    return encode(CONTRACT_VERSION)


@operations.get("/csrf-token", returns=dict[str, Any])
async def read_csrf_token(call: Call[None]) -> bytes:
    """Refuse: Host, Origin and credentials are checked instead, and no token is needed."""
    if call.query("client") is None:
        raise ValidationFailed([make_fault("missing", ("query", "client"), "Field required", None)])
    raise Unprocessable("CSRF protection is disabled.")
