"""Wire objects of variables."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any
from uuid import UUID

from msgspec import UNSET, Meta, UnsetType

from headrace.wire.filters import Operator
from headrace.wire.objects import Strict, Wire


class VariableFilterId(Strict, kw_only=True):
    any_: list[UUID] | None = None


class VariableFilterName(Strict, kw_only=True):
    any_: list[str] | None = None
    like_: str | None = None


class VariableFilterTags(Strict, kw_only=True):
    all_: list[str] | None = None
    is_null_: bool | None = None
    operator: Operator = Operator.AND


class VariableFilter(Strict, kw_only=True):
    id: VariableFilterId | None = None
    name: VariableFilterName | None = None
    operator: Operator = Operator.AND
    tags: VariableFilterTags | None = None


class CountVariablesBody(Wire, kw_only=True):
    variables: VariableFilter | None = None


class VariableSort(StrEnum):
    CREATED_DESC = "CREATED_DESC"
    UPDATED_DESC = "UPDATED_DESC"
    NAME_DESC = "NAME_DESC"
    NAME_ASC = "NAME_ASC"


class ReadVariablesBody(Wire, kw_only=True):
    limit: int | UnsetType = UNSET
    offset: Annotated[int, Meta(ge=0)] = 0
    sort: VariableSort = VariableSort.NAME_ASC
    variables: VariableFilter | None = None


class Variable(Wire, kw_only=True):
    created: datetime | None
    id: UUID
    name: Annotated[str, Meta(max_length=255)]
    tags: list[str] = []
    updated: datetime | None
    value: str | int | bool | float | dict[str, Any] | list[Any] | None


class VariableCreate(Strict, kw_only=True):
    name: Annotated[str, Meta(max_length=255)]
    tags: list[str] = []
    value: str | int | bool | float | dict[str, Any] | list[Any] | None


class VariableUpdate(Strict, kw_only=True):
    name: Annotated[str, Meta(max_length=255)] | None | UnsetType = UNSET
    tags: list[str] | None | UnsetType = UNSET
    value: str | int | bool | float | dict[str, Any] | list[Any] | None | UnsetType = UNSET
