"""Wire objects of flow run inputs."""

from datetime import datetime
from uuid import UUID

from headrace.wire.objects import Wire


class CreateFlowRunInputBody(Wire, kw_only=True):
    key: str
    sender: str | None = None
    value: str


class FilterFlowRunInputBody(Wire, kw_only=True):
    exclude_keys: list[str] = []
    limit: int = 1
    prefix: str


class FlowRunInput(Wire, kw_only=True):
    created: datetime | None
    flow_run_id: UUID
    id: UUID
    key: str
    sender: str | None = None
    updated: datetime | None
    value: str
