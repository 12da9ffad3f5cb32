"""The slow path of decoding: repair what the contract's clients may send, name what is wrong.

A fault is a mapping of `type`, `loc`, `msg`, `input` and, for bounds, `ctx`: the entries of
`exception_detail` in the contract's 422 answers.
"""

import json
import math
import re
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from itertools import islice
from typing import Any, cast
from uuid import UUID

from msgspec import inspect

from headrace.errors import ValidationFailed

Loc = tuple[str | int, ...]
Fault = dict[str, object]

# A batch in which everything is wrong still gets an answer of a readable size.
MAX_FAULTS = 100

# Seconds since 1970 above this are milliseconds: the year 2603 in one, 1970 in the other.
_LAST_SECONDS = 2e10

_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")
# What such a character is in a body, escaped or not; without it nothing is left to look for.
_MAYBE_UNSTORABLE = re.compile(rb"\\u0000|\\u[dD][89a-fA-F]|\xed[\xa0-\xbf]|\x00")
_TRUE = {"true", "1", "on", "t", "yes", "y"}
_FALSE = {"false", "0", "off", "f", "no", "n"}


def make_fault(kind: str, loc: Loc, message: str, value: object, **context: object) -> Fault:
    """One entry of a 422 answer."""
    fault: Fault = {"type": kind, "loc": list(loc), "msg": message, "input": value}
    if context or kind == "value_error":
        fault["ctx"] = context or {"error": {}}  # the contract's, of a rule that has only words
    return fault


def scrub(value: Any) -> Any:
    """The value with U+FFFD for each character that cannot be stored: NUL, a lone surrogate."""
    if isinstance(value, str):
        return _UNSTORABLE.sub("\ufffd", value)
    if isinstance(value, list):
        return [scrub(item) for item in cast("list[object]", value)]
    if isinstance(value, dict):
        items = cast("dict[object, object]", value).items()
        return {scrub(key): scrub(item) for key, item in items}
    return value


def parse(data: bytes) -> Any:
    """JSON as plain objects, every character of them storable. Raises `ValidationFailed`."""
    try:
        document = json.loads(data)
        return scrub(document) if _MAYBE_UNSTORABLE.search(data) else document
    except json.JSONDecodeError as error:
        position, reason = error.pos, error.msg
    except RecursionError:
        position, reason = 0, "Nested too deeply"
    except ValueError as error:
        # Not UTF-8, or an integer of more digits than Python reads.
        position, reason = 0, str(error)
    raise ValidationFailed(
        [make_fault("json_invalid", ("body", position), "JSON decode error", {}, error=reason)]
    )


def is_parameters(info: inspect.Type) -> bool:
    """Whether the body is a set of parameters, each with its default, rather than one object.

    The contract names such bodies `Body_…`; in `wire` their names end in `Body`. The whole body, and
    each parameter that has a default, may be null.
    """
    return (
        isinstance(info, inspect.StructType)
        and info.cls.__name__.endswith("Body")
        and not any(field.required for field in info.fields)
    )


def repair(info: inspect.Type, document: Any, max_integer: int) -> Any:
    """The document in the form that the strict decoder takes.

    Args:
        info: What the body must be.
        document: Plain objects, as `parse` gives them.
        max_integer: Bound of every declared integer, either sign.

    Raises `ValidationFailed` with every fault found, at most `MAX_FAULTS`.
    """
    if document is None:
        raise ValidationFailed([make_fault("missing", ("body",), "Field required", None)])
    inspection = _Inspection(max_integer)
    repaired = inspection.visit(info, document, ("body",))
    if inspection.faults:
        raise ValidationFailed(inspection.faults[:MAX_FAULTS])
    return repaired


class _Inspection:
    """One walk over a document beside its declared type."""

    def __init__(self, max_integer: int) -> None:
        self.max_integer = max_integer
        self.faults: list[Fault] = []
        self._visitors: dict[type, Callable[[Any, Any, Loc], Any]] = {
            inspect.StructType: self._struct,
            inspect.UnionType: self._union,
            inspect.ListType: self._list,
            inspect.DictType: self._dict,
            inspect.StrType: self._text,
            inspect.IntType: self._integer,
            inspect.FloatType: self._float,
            inspect.BoolType: self._boolean,
            inspect.NoneType: self._none,
            inspect.DateTimeType: self._moment,
            inspect.UUIDType: self._uuid,
            inspect.EnumType: self._enum,
            inspect.LiteralType: self._literal,
        }

    def visit(self, info: inspect.Type, value: Any, loc: Loc) -> Any:
        """The value, repaired; faults are noted where it cannot be."""
        if isinstance(info, inspect.Metadata):
            info = info.type
        visitor = self._visitors.get(type(info))
        # What has no visitor takes anything: free-form JSON.
        return value if visitor is None else visitor(info, value, loc)

    def _fail(self, kind: str, loc: Loc, message: str, value: object, **context: object) -> None:
        self.faults.append(make_fault(kind, loc, message, value, **context))

    def _has_enough(self) -> bool:
        """Whether no more faults will be told: the rest of a large body is not looked at."""
        return len(self.faults) >= MAX_FAULTS

    def _struct(self, info: inspect.StructType, value: Any, loc: Loc) -> Any:
        if not isinstance(value, dict):
            message = "Input should be a valid dictionary or object to extract fields from"
            self._fail("model_attributes_type", loc, message, value)
            return value
        given = cast("dict[str, Any]", value)
        parameters = loc == ("body",) and info.cls.__name__.endswith("Body")
        repaired: dict[str, Any] = {}
        if info.tag_field is not None:
            repaired[info.tag_field] = info.tag
        for field in info.fields:
            name = field.encode_name
            if parameters and given.get(name) is None:
                given = {key: item for key, item in given.items() if key != name}
            if name in given:
                repaired[name] = self.visit(field.type, given[name], (*loc, name))
            elif field.required:
                self._fail("missing", (*loc, name), "Field required", given)
        if info.forbid_unknown_fields:
            names = {field.encode_name for field in info.fields} | {info.tag_field}
            for name in islice(given.keys() - names, MAX_FAULTS):
                message = "Extra inputs are not permitted"
                self._fail("extra_forbidden", (*loc, name), message, given[name])
        return repaired

    def _union(self, info: inspect.UnionType, value: Any, loc: Loc) -> Any:
        if value is None and info.includes_none:
            return None
        members = [m for m in info.types if not isinstance(m, inspect.NoneType)]
        if any(_accepts_as_is(member, value) for member in members):
            return value
        if len(members) == 1:
            return self.visit(members[0], value, loc)
        tag = next((m.tag_field for m in members if isinstance(m, inspect.StructType)), None)
        if tag is not None and isinstance(value, dict) and tag in value:
            return self._tagged(members, tag, cast("dict[str, Any]", value), loc)
        return self._first_that_fits(members, cast("Any", value), loc)

    def _first_that_fits(self, members: Sequence[inspect.Type], value: Any, loc: Loc) -> Any:
        structs = [m for m in members if isinstance(m, inspect.StructType) and m.tag_field]
        given = cast("dict[str, Any] | None", value if isinstance(value, dict) else None)
        if given is not None and len(structs) == len(members):
            # One only: trying each would take exponential time where such values are nested.
            meant = _most_alike(structs, given)
            return self.visit(meant, given, (*loc, _label(meant)))
        faults: list[Fault] = []
        for member in members:
            attempt = _Inspection(self.max_integer)
            repaired = attempt.visit(member, value, (*loc, _label(member)))
            if not attempt.faults:
                return repaired
            faults.extend(attempt.faults)
        self.faults.extend(faults)
        return cast("Any", value)

    def _tagged(
        self, members: Sequence[inspect.Type], tag: str, value: dict[str, Any], loc: Loc
    ) -> Any:
        tags: list[object] = []
        for member in members:
            if isinstance(member, inspect.StructType):
                if member.tag == value[tag]:
                    return self.visit(member, value, loc)
                tags.append(member.tag)
        expected = _choices(tags)
        message = f"The tag {tag!r} should be {expected}"
        self._fail("union_tag_invalid", loc, message, value, discriminator=tag, expected=expected)
        return value

    def _list(self, info: inspect.ListType, value: Any, loc: Loc) -> Any:
        if not isinstance(value, list):
            self._fail("list_type", loc, "Input should be a valid list", value)
            return value
        items = cast("list[Any]", value)
        if info.min_length is not None and len(items) < info.min_length:
            message = f"List should have at least {info.min_length} items, not {len(items)}"
            self._fail("too_short", loc, message, items, min_length=info.min_length)
        if info.max_length is not None and len(items) > info.max_length:
            message = f"List should have at most {info.max_length} items, not {len(items)}"
            self._fail("too_long", loc, message, items, max_length=info.max_length)
        repaired: list[Any] = []
        for at, item in enumerate(items):
            if self._has_enough():
                break
            repaired.append(self.visit(info.item_type, item, (*loc, at)))
        return repaired

    def _dict(self, info: inspect.DictType, value: Any, loc: Loc) -> Any:
        if not isinstance(value, dict):
            self._fail("dict_type", loc, "Input should be a valid dictionary", value)
            return value
        repaired: dict[str, Any] = {}
        for key, item in cast("dict[str, Any]", value).items():
            if self._has_enough():
                break
            repaired[key] = self.visit(info.value_type, item, (*loc, key))
        return repaired

    def _text(self, info: inspect.StrType, value: Any, loc: Loc) -> Any:
        if not isinstance(value, str):
            self._fail("string_type", loc, "Input should be a valid string", value)
        elif info.min_length is not None and len(value) < info.min_length:
            message = f"String should have at least {info.min_length} characters"
            self._fail("string_too_short", loc, message, value, min_length=info.min_length)
        elif info.max_length is not None and len(value) > info.max_length:
            message = f"String should have at most {info.max_length} characters"
            self._fail("string_too_long", loc, message, value, max_length=info.max_length)
        elif info.pattern is not None and not re.search(info.pattern, value):
            message = f"String should match pattern '{info.pattern}'"
            self._fail("string_pattern_mismatch", loc, message, value, pattern=info.pattern)
        return value

    def _integer(self, info: inspect.IntType, value: Any, loc: Loc) -> Any:
        number = _to_integer(value)
        if number is None:
            if isinstance(value, str):
                message = "Input should be a valid integer, unable to parse string as an integer"
                self._fail("int_parsing", loc, message, value)
            elif isinstance(value, float):
                message = "Input should be a valid integer, got a number with a fractional part"
                self._fail("int_from_float", loc, message, value)
            else:
                self._fail("int_type", loc, "Input should be a valid integer", value)
            return value
        if abs(number) > self.max_integer:
            message = f"Input should lie within {self.max_integer} of zero"
            self._fail("int_too_large", loc, message, value, max=self.max_integer)
        self._check_bounds(info, number, loc)
        return number

    def _float(self, info: inspect.FloatType, value: Any, loc: Loc) -> Any:
        try:
            number = float(value) if isinstance(value, str | int | float) else math.nan
        except (ValueError, OverflowError):
            number = math.nan
        if not math.isfinite(number):
            kind = "float_parsing" if isinstance(value, str) else "float_type"
            self._fail(kind, loc, "Input should be a valid number", value)
            return value
        self._check_bounds(info, number, loc)
        return number

    def _check_bounds(
        self, info: inspect.IntType | inspect.FloatType, number: float, loc: Loc
    ) -> None:
        for kind, key, words, bound, holds in (
            ("greater_than", "gt", "greater than", info.gt, _above),
            ("greater_than_equal", "ge", "greater than or equal to", info.ge, _at_least),
            ("less_than", "lt", "less than", info.lt, _below),
            ("less_than_equal", "le", "less than or equal to", info.le, _at_most),
        ):
            if bound is not None and not holds(number, bound):
                message = f"Input should be {words} {bound}"
                self._fail(kind, loc, message, number, **{key: bound})

    def _boolean(self, _: inspect.BoolType, value: Any, loc: Loc) -> Any:
        if isinstance(value, bool):
            return value
        word = str(value).lower() if isinstance(value, str) else None
        if word in _TRUE or (isinstance(value, int | float) and value == 1):
            return True
        if word in _FALSE or (isinstance(value, int | float) and value == 0):
            return False
        kind = "bool_type" if word is None else "bool_parsing"
        self._fail(kind, loc, "Input should be a valid boolean", value)
        return value

    def _none(self, _: inspect.NoneType, value: Any, loc: Loc) -> Any:
        if value is not None:
            self._fail("none_required", loc, "Input should be None", value)
        return value

    def _moment(self, _: inspect.DateTimeType, value: Any, loc: Loc) -> Any:
        try:
            moment = _to_moment(value)
            if moment is not None:
                moment.astimezone(UTC)  # where it has no form in UTC it cannot be stored
        except (ValueError, OverflowError, OSError) as error:
            message = "Input should be a valid datetime"
            self._fail("datetime_parsing", loc, message, value, error=str(error))
            return value
        if moment is None:
            self._fail("datetime_type", loc, "Input should be a valid datetime", value)
            return value
        return moment.isoformat()

    def _uuid(self, _: inspect.UUIDType, value: Any, loc: Loc) -> Any:
        if not isinstance(value, str):
            self._fail("uuid_type", loc, "UUID input should be a string", value)
            return value
        try:
            return str(UUID(value))
        except ValueError as error:
            message = f"Input should be a valid UUID: {error}"
            self._fail("uuid_parsing", loc, message, value, error=str(error))
            return value

    def _enum(self, info: inspect.EnumType, value: Any, loc: Loc) -> Any:
        members = [member.value for member in info.cls]
        if value not in members:
            expected = _choices(members)
            self._fail("enum", loc, f"Input should be {expected}", value, expected=expected)
        return value

    def _literal(self, info: inspect.LiteralType, value: Any, loc: Loc) -> Any:
        if value not in info.values:
            expected = _choices(info.values)
            message = f"Input should be {expected}"
            self._fail("literal_error", loc, message, value, expected=expected)
        return value


def _most_alike(members: Sequence[inspect.StructType], value: dict[str, Any]) -> inspect.StructType:
    """Which of these objects an object without a tag is meant to be: the first of the best.

    The best one misses nothing that it requires, and has most of its keys in the value.
    """

    def rate(member: inspect.StructType) -> tuple[bool, int]:
        required = {field.encode_name for field in member.fields if field.required}
        known = {field.encode_name for field in member.fields}
        return required <= value.keys(), len(known & value.keys())

    return max(members, key=rate)


def _above(number: float, bound: float) -> bool:
    return number > bound


def _at_least(number: float, bound: float) -> bool:
    return number >= bound


def _below(number: float, bound: float) -> bool:
    return number < bound


def _at_most(number: float, bound: float) -> bool:
    return number <= bound


_EXACT: list[tuple[type[inspect.Type], type]] = [
    (inspect.StrType, str),
    (inspect.BoolType, bool),
    (inspect.FloatType, float),
]


def _accepts_as_is(info: inspect.Type, value: object) -> bool:
    """Whether the value is already of the member's own type, so that no other member is tried."""
    return any(
        isinstance(info, kind)
        and type(value) is python
        and not getattr(info, "pattern", None)
        and not getattr(info, "max_length", None)
        for kind, python in _EXACT
    )


def _to_integer(value: object) -> int | None:
    if isinstance(value, int):
        return int(value)
    if isinstance(value, float):
        return int(value) if value.is_integer() else None
    if isinstance(value, str) and re.fullmatch(r"\s*[+-]?\d{1,40}(\.0*)?\s*", value, re.ASCII):
        return int(value.strip().split(".", maxsplit=1)[0])
    return None


def _to_moment(value: object) -> datetime | None:
    if isinstance(value, bool):
        return None
    if isinstance(value, str) and re.fullmatch(r"[+-]?\d+(\.\d+)?", value, re.ASCII):
        value = float(value)
    if isinstance(value, int | float):
        seconds = float(value)
        return datetime.fromtimestamp(
            seconds / 1000 if abs(seconds) > _LAST_SECONDS else seconds, tz=UTC
        )
    if isinstance(value, str):
        moment = datetime.fromisoformat(value.strip())
        return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return None


def _label(info: inspect.Type) -> str:
    if isinstance(info, inspect.StructType):
        return info.cls.__name__
    return type(info).__name__.removesuffix("Type").lower()


def _choices(values: Iterable[object]) -> str:
    quoted = [f"'{value}'" if isinstance(value, str) else str(value) for value in values]
    return " or ".join([", ".join(quoted[:-1]), quoted[-1]] if len(quoted) > 1 else quoted)
