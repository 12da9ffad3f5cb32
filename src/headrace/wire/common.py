"""Wire objects of common."""

from uuid import UUID

from headrace.wire.objects import Wire


class CreatedBy(Wire, kw_only=True):
    display_value: str | None = None
    id: UUID | None = None
    type: str | None = None


class UpdatedBy(Wire, kw_only=True):
    display_value: str | None = None
    id: UUID | None = None
    type: str | None = None
