"""HTTP of the server itself: is it there, which version, what is it set to."""

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import literal, select

from headrace import __version__
from headrace.errors import StoreError, Unprocessable, ValidationFailed
from headrace.server.api.errors import refuse
from headrace.server.api.operations import Answer, Call, Operations
from headrace.server.config import describe_config
from headrace.server.services import installation
from headrace.server.store.database import Statement
from headrace.wire.admin import (
    CsrfToken,
    ServerDefaultResultStorage,
    ServerDefaultResultStorageUpdate,
)
from headrace.wire.decode import encode
from headrace.wire.faults import make_fault
from headrace.wire.server import ServerInfo

operations = Operations("admin")

# What clients compare with their own version: the release whose wire form this server speaks.
CONTRACT_VERSION = "3.8.8"
API_VERSION = "0.8.4"

_RESULT_STORAGE = "default_result_storage_block_id"
_PROBE = Statement(select(literal(1)))


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


@operations.get("/headrace/server", returns=ServerInfo)
async def read_server(call: Call[None]) -> bytes:
    """Headrace's own version, which database it keeps, and its clock."""
    info = ServerInfo(
        version=__version__,
        contract_version=CONTRACT_VERSION,
        database=call.services.database.dialect,
        time=datetime.now(UTC),
    )
    return encode(info)


@operations.get("/csrf-token", returns=CsrfToken, parameters={"client": str})
async def read_csrf_token(call: Call[None]) -> bytes:
    """Refuse: Host, Origin and credentials are checked instead, and no token is needed."""
    if call.query("client") is None:
        raise ValidationFailed([make_fault("missing", ("query", "client"), "Field required", None)])
    raise Unprocessable("CSRF protection is disabled.")


@operations.get("/ready", returns=dict[str, str])
async def read_readiness(call: Call[None]) -> Answer | bytes:
    """Whether requests can be served: the database answers."""
    try:
        await call.services.database.fetch_one(_PROBE)
    except StoreError as error:
        return refuse(503, f"The database does not answer: {error}")
    return b'{"message":"OK"}'


@operations.get("/admin/settings", returns=dict[str, Any])
async def read_settings(call: Call[None]) -> bytes:
    """What this server was started with, less its secrets."""
    return encode({"server": describe_config(call.services.config)})


@operations.get("/admin/storage", returns=ServerDefaultResultStorage)
async def read_storage(call: Call[None]) -> bytes:
    """Where results go by default."""
    value = await installation.read_value(call.services.database, _RESULT_STORAGE)
    return encode({_RESULT_STORAGE: value})


@operations.put(
    "/admin/storage", ServerDefaultResultStorageUpdate, returns=ServerDefaultResultStorage
)
async def update_storage(call: Call[ServerDefaultResultStorageUpdate]) -> bytes:
    """Set where results go by default."""
    value = str(call.body.default_result_storage_block_id)
    await installation.write_value(call.services.database, _RESULT_STORAGE, value)
    return encode({_RESULT_STORAGE: value})


@operations.delete("/admin/storage")
async def clear_storage(call: Call[None]) -> None:
    """Leave it to each client where results go."""
    await installation.write_value(call.services.database, _RESULT_STORAGE, None)
