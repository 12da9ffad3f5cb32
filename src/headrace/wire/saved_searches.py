"""Wire objects of saved searches."""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from msgspec import UNSET, Meta, UnsetType

from headrace.wire.objects import Strict, Wire


class ReadSavedSearchesBody(Wire, kw_only=True):
    limit: int | UnsetType = UNSET
    offset: Annotated[int, Meta(ge=0)] = 0


class SavedSearchFilter(Wire, kw_only=True):
    object: str
    operation: str
    property: str
    type: str
    value: Any


class SavedSearch(Wire, kw_only=True):
    created: datetime | None
    filters: list[SavedSearchFilter] = []
    id: UUID
    name: str
    updated: datetime | None


class SavedSearchCreate(Strict, kw_only=True):
    filters: list[SavedSearchFilter] = []
    name: str
