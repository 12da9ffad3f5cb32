"""Bytes from the wire to structs and back.

The fast path is msgspec's own decoder, in its lax mode. What it refuses goes through `faults`, which
repairs the forms that the contract's clients send (a null where a default applies, a missing tag, a
lone surrogate) and otherwise names every bad field at once.
"""

import re
from collections.abc import Callable
from datetime import UTC, datetime
from functools import cache
from typing import Any, Generic, NamedTuple, TypeVar, cast

import msgspec
from msgspec import UNSET, inspect

from headrace.errors import ValidationFailed
from headrace.wire.faults import is_parameters, make_fault, parse, repair, scrub
from headrace.wire.schedules import CronSchedule, IntervalSchedule, RRuleSchedule

T = TypeVar("T")
Schedule = CronSchedule | IntervalSchedule | RRuleSchedule
Tidy = Callable[[Any], Any]

# Both databases hold a declared integer in at most 32 bits; free-form JSON keeps any size.
MAX_INTEGER = 2**31 - 1

# Objects and lists in one body: a few bytes of JSON each, and a hundred times that in memory. The
# largest that clients send are batches of a few thousand, and tables of some ten thousand rows.
MAX_CONTAINERS = 200_000

_encoder = msgspec.json.Encoder()


# In these a moment with an offset may have no form in UTC.
_OUTERMOST_YEARS = (1, 9999)


class _OutOfRange(Exception):
    """An integer or a moment cannot be stored: the slow path names the field."""


class _Plan(NamedTuple, Generic[T]):
    decoder: msgspec.json.Decoder[T]
    tidy: Tidy | None


def encode(value: object) -> bytes:
    """JSON of structs, mappings, lists and scalars; times in UTC end in `Z`.

    A character that UTF-8 cannot carry (a lone surrogate) becomes U+FFFD.
    """
    try:
        return _encoder.encode(value)
    except UnicodeEncodeError:
        return _encoder.encode(scrub(msgspec.to_builtins(value, str_keys=True)))


def decode(kind: type[T], data: bytes) -> T:
    """The object of this kind that a request's body or a frame holds.

    Naive times are taken as UTC. Raises `ValidationFailed` with one entry per bad field, in the shape
    of the contract's 422 answers.
    """
    plan = _plan(kind)
    if len(data) > 2 * MAX_CONTAINERS and _count_containers(data) > MAX_CONTAINERS:
        message = f"A body has at most {MAX_CONTAINERS} objects and lists in it"
        raise ValidationFailed([make_fault("too_long", ("body",), message, None)])
    # A NUL character, escaped as JSON must, cannot be stored by PostgreSQL: the slow path replaces it.
    if data and b"\\u0000" not in data:
        try:
            value = plan.decoder.decode(data)
            return cast("T", plan.tidy(value)) if plan.tidy else value
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError, _OutOfRange):
            pass
    return _decode_slowly(kind, plan, data)


_STRING = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"', re.DOTALL)


def _count_containers(data: bytes) -> int:
    """How many objects and lists begin in this JSON; at most too many, where there are few."""
    count = data.count(b"{") + data.count(b"[")
    if count <= MAX_CONTAINERS:
        return count
    outside = _STRING.sub(b"", data)
    return outside.count(b"{") + outside.count(b"[")


def _decode_slowly(kind: type[T], plan: _Plan[T], data: bytes) -> T:
    info = _type_info(kind)
    document: Any = parse(data) if data else None
    if document is None and is_parameters(info):
        document = cast("Any", {})
    if document is None and isinstance(info, inspect.UnionType) and info.includes_none:
        return cast("T", None)
    repaired = repair(info, document, MAX_INTEGER)
    try:
        value = plan.decoder.decode(_encoder.encode(repaired))
        return cast("T", plan.tidy(value)) if plan.tidy else value
    except (msgspec.MsgspecError, RecursionError, _OutOfRange) as error:
        raise ValidationFailed(
            [make_fault("value_error", ("body",), str(error), document)]
        ) from error


def decode_schedule(data: msgspec.Raw | bytes) -> Schedule:
    """A schedule, told apart by its keys: `interval`, `cron` or `rrule`.

    Raises `ValidationFailed` where none of the keys is there, or the schedule has bad fields.
    """
    document = cast("object", parse(bytes(data)))
    keys = cast("dict[str, object]", document) if isinstance(document, dict) else {}
    for key, kind in _SCHEDULES.items():
        if key in keys:
            return decode(kind, bytes(data))
    raise ValidationFailed(
        [
            make_fault(
                "missing",
                ("body", "schedule"),
                "A schedule has one of the keys interval, cron and rrule",
                keys,
            )
        ]
    )


_SCHEDULES: dict[str, type[Schedule]] = {
    "interval": IntervalSchedule,
    "cron": CronSchedule,
    "rrule": RRuleSchedule,
}


@cache
def _type_info(kind: Any) -> inspect.Type:
    return inspect.type_info(kind)


@cache
def _plan(kind: Any) -> _Plan[Any]:
    return _Plan(msgspec.json.Decoder(kind, strict=False), _tidier(_type_info(kind), {}))


def _tidy_moment(value: datetime) -> datetime:
    if value.tzinfo is None:
        return value.replace(tzinfo=UTC)
    if value.year in _OUTERMOST_YEARS:
        try:
            value.astimezone(UTC)
        except OverflowError:
            raise _OutOfRange(f"{value} lies outside of the calendar in UTC") from None
    return value


def _tidy_integer(value: int) -> int:
    if -MAX_INTEGER <= value <= MAX_INTEGER:
        return value
    raise _OutOfRange(f"{value} does not lie within {MAX_INTEGER} of zero")


def _tidier(  # noqa: PLR0911 - one line per kind of type
    info: inspect.Type, seen: dict[type, list[tuple[str, Tidy]]]
) -> Tidy | None:
    """What is left to do after decoding: naive times to UTC, integers within bounds."""
    if isinstance(info, inspect.DateTimeType):
        return _tidy_moment
    if isinstance(info, inspect.IntType):
        return _tidy_integer
    if isinstance(info, inspect.ListType):
        return _list_tidier(_tidier(info.item_type, seen))
    if isinstance(info, inspect.DictType):
        return _dict_tidier(_tidier(info.value_type, seen))
    if isinstance(info, inspect.StructType):
        return _struct_tidier(info, seen)
    if isinstance(info, inspect.UnionType):
        return _union_tidier(info, seen)
    return None


def _list_tidier(item: Tidy | None) -> Tidy | None:
    if item is None:
        return None
    return lambda values: [item(value) for value in values]


def _dict_tidier(item: Tidy | None) -> Tidy | None:
    if item is None:
        return None
    return lambda values: {key: item(value) for key, value in values.items()}


def _struct_tidier(
    info: inspect.StructType, seen: dict[type, list[tuple[str, Tidy]]]
) -> Tidy | None:
    known = info.cls in seen
    parts = seen.setdefault(info.cls, [])
    if not known:
        for field in info.fields:
            tidy = _tidier(field.type, seen)
            if tidy is not None:
                parts.append((field.name, tidy))
        if not parts:
            return None

    def tidy_struct(value: msgspec.Struct) -> msgspec.Struct:
        for name, tidy in parts:
            old = getattr(value, name)
            if old is None or old is UNSET:
                continue
            new = tidy(old)
            if new is not old:
                setattr(value, name, new)
        return value

    return tidy_struct


def _union_tidier(info: inspect.UnionType, seen: dict[type, list[tuple[str, Tidy]]]) -> Tidy | None:
    # A number beside text is free-form JSON (a label, a variable): it is stored as text, whole.
    free = any(isinstance(member, inspect.StrType | inspect.FloatType) for member in info.types)
    by_type: dict[type, Tidy] = {}
    for member in info.types:
        if isinstance(member, inspect.IntType) and free:
            continue
        tidy = _tidier(member, seen)
        if tidy is not None:
            by_type[_python_type(member)] = tidy
    if not by_type:
        return None

    def tidy_member(value: object) -> object:
        tidy = by_type.get(type(value))
        return value if tidy is None else tidy(value)

    return tidy_member


def _python_type(info: inspect.Type) -> type:
    if isinstance(info, inspect.StructType):
        return info.cls
    for kind, python in _PYTHON_TYPES:
        if isinstance(info, kind):
            return python
    return object


_PYTHON_TYPES: list[tuple[type[inspect.Type], type]] = [
    (inspect.DateTimeType, datetime),
    (inspect.IntType, int),
    (inspect.ListType, list),
    (inspect.DictType, dict),
]
