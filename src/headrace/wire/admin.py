"""Wire objects of admin."""

from datetime import datetime
from uuid import UUID

from headrace.wire.objects import Wire


class ServerInfo(Wire, kw_only=True):
    """What a Headrace server says of itself; a server of another make has no such answer.

    Args:
        version: Of Headrace.
        contract_version: The release whose wire form it speaks.
        database: `sqlite` or `postgresql`.
        time: Its clock.
    """

    version: str
    contract_version: str
    database: str
    time: datetime


class CsrfToken(Wire, kw_only=True):
    client: str
    created: datetime | None
    expiration: datetime
    id: UUID
    token: str
    updated: datetime | None


class ServerDefaultResultStorage(Wire, kw_only=True):
    default_result_storage_block_id: UUID | None = None


class ServerDefaultResultStorageUpdate(Wire, kw_only=True):
    default_result_storage_block_id: UUID
