"""Every wire object has the fields, requiredness, defaults and types of its schema in the contract.

The contract lies beside this test as data: `tests/contract/data/openapi.json`.
"""

import importlib
import inspect as python_inspect
import json
import pkgutil
import re
from collections.abc import Iterator
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import Any

import msgspec
import pytest
from msgspec import UNSET, inspect

import headrace.wire
from headrace.wire.decode import encode

DATA = Path(__file__).parents[1] / "data" / "openapi.json"

# Modules of objects that are Headrace's own, beside the contract.
OWN_MODULES = {
    "claims", "decode", "endings", "faults", "jobs", "misfires", "objects", "refusals", "server",
}  # fmt: skip

# WebSocket frames: the document of the contract has none of them.
UNDOCUMENTED_MODULES = {"task_worker_channel", "worker_channel"}


@cache
def contract() -> dict[str, Any]:
    return json.loads(DATA.read_text())


@cache
def schemas() -> dict[str, Any]:
    """Schemas by the name that their wire object has."""
    found: dict[str, Any] = {}
    for name, schema in contract()["components"]["schemas"].items():
        if not name.startswith("Body_"):
            found[name.replace("-", "")] = schema
    for path, methods in contract()["paths"].items():
        for method, operation in methods.items():
            reference = json.dumps(operation.get("requestBody", {}))
            body = re.search(r"schemas/(Body_\w+)", reference)
            if body:
                found[_body_name(path, method, body[1])] = contract()["components"]["schemas"][
                    body[1]
                ]
    return found


def _body_name(path: str, method: str, schema: str) -> str:
    if path == "/work_queues/filter":
        return "ReadAllWorkQueuesBody"  # the name without `All` is that of a pool's queues
    suffix = re.sub(r"[^a-zA-Z0-9]", "_", path) + "_" + method
    words = schema.removeprefix("Body_").removesuffix(suffix).strip("_").split("_")
    return "".join(word.capitalize() for word in words) + "Body"


def objects(kind: type) -> Iterator[Any]:
    """Every class of a kind that a module of `wire` defines."""
    for module in pkgutil.iter_modules(headrace.wire.__path__):
        if module.name in OWN_MODULES | UNDOCUMENTED_MODULES:
            continue
        loaded = importlib.import_module(f"headrace.wire.{module.name}")
        for _, found in python_inspect.getmembers(loaded, python_inspect.isclass):
            if issubclass(found, kind) and found.__module__ == loaded.__name__:
                yield found


STRUCTS = sorted(set(objects(msgspec.Struct)), key=lambda kind: kind.__name__)
ENUMS = sorted(set(objects(StrEnum)), key=lambda kind: kind.__name__)


def by_name(kind: type) -> str:
    return kind.__name__


def resolve(schema: dict[str, Any]) -> dict[str, Any]:
    while "$ref" in schema:
        schema = contract()["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    return schema


def kinds_of_schema(schema: dict[str, Any]) -> set[str]:
    """The JSON types that a schema takes; text of a format is told apart."""
    schema = resolve(schema)
    for union in ("anyOf", "oneOf"):
        if union in schema:
            return set().union(*(kinds_of_schema(member) for member in schema[union]))
    if "enum" in schema or "const" in schema:
        return {"string"}
    kind = schema.get("type")
    if kind is None:
        return {"any"}
    if kind == "string" and schema.get("format") in ("uuid", "date-time"):
        return {schema["format"]}
    return {kind}


_KINDS: list[tuple[type, str]] = [
    (inspect.AnyType, "any"),
    (inspect.RawType, "any"),
    (inspect.NoneType, "null"),
    (inspect.BoolType, "boolean"),
    (inspect.IntType, "integer"),
    (inspect.FloatType, "number"),
    (inspect.StrType, "string"),
    (inspect.EnumType, "string"),
    (inspect.LiteralType, "string"),
    (inspect.DateTimeType, "date-time"),
    (inspect.UUIDType, "uuid"),
    (inspect.ListType, "array"),
    (inspect.DictType, "object"),
    (inspect.StructType, "object"),
]


def kinds_of_type(info: inspect.Type) -> set[str]:
    if isinstance(info, inspect.Metadata):
        return kinds_of_type(info.type)
    if isinstance(info, inspect.UnionType):
        return set().union(*(kinds_of_type(member) for member in info.types))
    return {name for kind, name in _KINDS if isinstance(info, kind)}


def default_of(field: msgspec.inspect.Field) -> Any:
    """The default as JSON; UNSET where the field is then left out."""
    value = field.default
    if field.default_factory is not msgspec.NODEFAULT:
        value = field.default_factory()
    if value is UNSET or value is msgspec.NODEFAULT:
        return UNSET
    return json.loads(encode(value))


# What objects of the contract have besides: its clients neither send nor see it unasked.
OWN_FIELDS = {
    "DeploymentSchedule": {"misfire"},
    "DeploymentScheduleCreate": {"misfire"},
    "DeploymentScheduleUpdate": {"misfire"},
}

# The document says text and the contract's clients send null, which its server takes.
NULL_TOO = {
    ("FlowRunCreate", "name"),
    ("DeploymentFlowRunCreate", "name"),
    ("TaskRunCreate", "name"),
}


def is_own(kind: type[msgspec.Struct], field: msgspec.inspect.Field) -> bool:
    """Whether a field is Headrace's own."""
    return field.encode_name in OWN_FIELDS.get(kind.__name__, ())


@pytest.mark.parametrize("kind", STRUCTS, ids=by_name)
def test_an_object_is_that_of_the_contract(kind: type[msgspec.Struct]):
    """Same fields, same required ones, same types; extra keys refused where the contract does."""
    schema = schemas()[kind.__name__]
    info = inspect.type_info(kind)
    assert isinstance(info, inspect.StructType)
    own = {field.encode_name: field for field in info.fields if is_own(kind, field)}
    assert own.keys() == OWN_FIELDS.get(kind.__name__, set())
    assert not any(field.required or default_of(field) is not UNSET for field in own.values())
    fields = {field.encode_name: field for field in info.fields if not is_own(kind, field)}
    properties = schema["properties"]
    tag = {info.tag_field} if info.tag_field else set()
    assert fields.keys() | tag == properties.keys()
    required = {name for name, field in fields.items() if field.required}
    wanted = set(schema.get("required", ())) - tag
    assert required == {name for name in wanted if "default" not in properties[name]}
    assert info.forbid_unknown_fields == (schema.get("additionalProperties") is False)
    for name, field in fields.items():
        ours, theirs = kinds_of_type(field.type), kinds_of_schema(properties[name])
        if (kind.__name__, name) in NULL_TOO:
            theirs = theirs | {"null"}
        assert ours == theirs or "any" in ours, name


@pytest.mark.parametrize("kind", STRUCTS, ids=by_name)
def test_defaults_are_those_of_the_contract(kind: type[msgspec.Struct]):
    """A default that is given is ours too, unless absent means unchanged."""
    properties = schemas()[kind.__name__]["properties"]
    info = inspect.type_info(kind)
    assert isinstance(info, inspect.StructType)
    for field in info.fields:
        if is_own(kind, field):
            continue
        schema = properties[field.encode_name]
        ours = UNSET if field.required else default_of(field)
        if "default" not in schema or ours is UNSET:
            continue
        theirs = schema["default"]
        if isinstance(ours, dict) and isinstance(theirs, dict):
            # An object's own defaults may be written out or left out.
            assert theirs.items() <= ours.items(), field.encode_name
        else:
            assert ours == theirs, field.encode_name


@pytest.mark.parametrize("kind", ENUMS, ids=by_name)
def test_words_are_those_of_the_contract(kind: type[StrEnum]):
    """The members of every enumeration."""
    assert [str(member) for member in kind] == schemas()[kind.__name__]["enum"]


def test_the_contract_is_read():
    """An empty comparison would prove nothing."""
    assert len(STRUCTS) > 150
    assert len(ENUMS) > 15
