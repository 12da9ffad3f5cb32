"""Wire objects of admin."""

from datetime import datetime
from uuid import UUID

from headrace.wire.objects import Wire


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
