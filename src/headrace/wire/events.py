"""Wire objects of events."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any
from uuid import UUID

import msgspec
from msgspec import UNSET, Meta, UnsetType

from headrace.wire.objects import Strict, Wire

ResourceSpecification = dict[str, str | list[str]]


class EventAnyResourceFilter(Strict, kw_only=True):
    id: list[str] | None = None
    id_prefix: list[str] | None = None
    labels: ResourceSpecification | None = None


class EventIDFilter(Strict, kw_only=True):
    id: list[UUID] | None = None


class EventNameFilter(Strict, kw_only=True):
    exclude_name: list[str] | None = None
    exclude_prefix: list[str] | None = None
    name: list[str] | None = None
    prefix: list[str] | None = None


class EventOccurredFilter(Strict, kw_only=True):
    since: datetime | UnsetType = UNSET
    until: datetime | UnsetType = UNSET


class EventOrder(StrEnum):
    ASC = "ASC"
    DESC = "DESC"


class EventRelatedFilter(Strict, kw_only=True):
    id: list[str] | None = None
    labels: ResourceSpecification | None = None
    resources_in_roles: list[Annotated[list[str], Meta(min_length=2, max_length=2)]] | None = None
    role: list[str] | None = None


class EventResourceFilter(Strict, kw_only=True):
    distinct: bool = False
    id: list[str] | None = None
    id_prefix: list[str] | None = None
    labels: ResourceSpecification | None = None


class EventTextFilter(Strict, kw_only=True):
    query: Annotated[str, Meta(max_length=200)]


class EventFilter(Strict, kw_only=True):
    any_resource: EventAnyResourceFilter | list[EventAnyResourceFilter] | None = None
    event: EventNameFilter | None = None
    id: EventIDFilter = msgspec.field(default_factory=EventIDFilter)
    occurred: EventOccurredFilter = msgspec.field(default_factory=EventOccurredFilter)
    order: EventOrder = EventOrder.DESC
    related: EventRelatedFilter | list[EventRelatedFilter] | None = None
    resource: EventResourceFilter | None = None
    text: EventTextFilter | None = None


class TimeUnit(StrEnum):
    WEEK = "week"
    DAY = "day"
    HOUR = "hour"
    MINUTE = "minute"
    SECOND = "second"


class CountAccountEventsBody(Wire, kw_only=True):
    filter: EventFilter
    time_interval: Annotated[float, Meta(ge=0.01)] = 1.0
    time_unit: TimeUnit = TimeUnit.DAY


class ReadEventsBody(Wire, kw_only=True):
    filter: EventFilter | None = None
    limit: Annotated[int, Meta(ge=0, le=50)] = 50


class Countable(StrEnum):
    DAY = "day"
    TIME = "time"
    EVENT = "event"
    RESOURCE = "resource"


RelatedResource = dict[str, str]


Resource = dict[str, str]


class Event(Wire, kw_only=True):
    event: str
    follows: UUID | None = None
    id: UUID
    occurred: datetime
    payload: dict[str, Any] = {}
    related: list[RelatedResource] = []
    resource: Resource


class EventCount(Wire, kw_only=True):
    count: int
    end_time: datetime
    label: str
    start_time: datetime
    value: str


class ReceivedEvent(Wire, kw_only=True):
    event: str
    follows: UUID | None = None
    id: UUID
    occurred: datetime
    payload: dict[str, Any] = {}
    received: datetime | UnsetType = UNSET
    related: list[RelatedResource] = []
    resource: Resource


class EventPage(Wire, kw_only=True):
    events: list[ReceivedEvent]
    next_page: Annotated[str, Meta(min_length=1)] | None
    total: int
