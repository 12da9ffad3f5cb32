"""The operations that a server answers, and the smallest bodies that their types allow."""

from collections.abc import Callable
from typing import Any

from msgspec import inspect

from headrace.server.api.exposition import metrics_operations
from headrace.server.api.metrics import RequestMetrics
from headrace.server.api.operations import Operation
from headrace.server.app import NOUNS

NOBODY = "00000000-0000-0000-0000-000000000000"

OPERATIONS: tuple[Operation, ...] = tuple(
    each for noun in (*NOUNS, metrics_operations(RequestMetrics())) for each in noun.operations
)


def declared_path(operation: Operation) -> str:
    """An operation's path as the document has it."""
    return operation.path.replace(":uuid", "")


def label(operation: Operation) -> str:
    return f"{operation.method} {declared_path(operation)}"


def sample(info: inspect.Type) -> Any:
    """A small valid value of a type."""
    if isinstance(info, inspect.Metadata):
        return sample(info.type)
    if isinstance(info, inspect.UnionType):
        return sample(info.types[0])
    if isinstance(info, inspect.StructType):
        made = {f.encode_name: sample(f.type) for f in info.fields if f.required}
        return made | ({info.tag_field: info.tag} if info.tag_field else {})
    if isinstance(info, inspect.EnumType):
        return next(iter(info.cls)).value
    if isinstance(info, inspect.LiteralType):
        return info.values[0]
    if isinstance(info, inspect.ListType):
        return [sample(info.item_type)] if info.min_length else []
    return next((value(info) for kind, value in _SIMPLE if isinstance(info, kind)), None)


_SIMPLE: list[tuple[type[inspect.Type], Callable[[Any], Any]]] = [
    (inspect.StrType, lambda info: "x" * max(1, info.min_length or 1)),
    (inspect.IntType, lambda _: 1),
    (inspect.FloatType, lambda _: 1.5),
    (inspect.BoolType, lambda _: True),
    (inspect.UUIDType, lambda _: NOBODY),
    (inspect.DateTimeType, lambda _: "2026-01-01T00:00:00Z"),
    (inspect.DictType, lambda _: {}),
    (inspect.RawType, lambda _: {"interval": 86400}),
]
