"""Schemas of wire types for the document: msgspec's, with what it leaves out put in."""

from collections.abc import Sequence
from typing import Any, Final

import msgspec
from msgspec import inspect

from headrace.wire.deployments import (
    DeploymentSchedule,
    DeploymentScheduleCreate,
    DeploymentScheduleUpdate,
)
from headrace.wire.schedules import CronSchedule, IntervalSchedule, RRuleSchedule

Schema = dict[str, Any]

REFERENCE: Final = "#/components/schemas/{name}"
_FORMS: Final = (IntervalSchedule, CronSchedule, RRuleSchedule)
# Objects whose field `schedule` is decoded by its keys, after the object is.
_WITH_SCHEDULES: Final = {
    DeploymentSchedule: False,
    DeploymentScheduleCreate: False,
    DeploymentScheduleUpdate: True,  # may be null
}


def describe_types(kinds: Sequence[Any]) -> tuple[list[Schema], dict[str, Schema]]:
    """The schema of each type, and the schemas by name that these refer to."""
    described, components = msgspec.json.schema_components(
        [*kinds, *_FORMS], ref_template=REFERENCE
    )
    schemas = list(described[: len(kinds)])
    met: set[type] = set()
    for kind, schema in zip(inspect.multi_type_info(kinds), schemas, strict=True):
        _complete(kind, schema, components, met)
    for kind in _FORMS:
        _complete(inspect.type_info(kind), {}, components, met)
    return schemas, components


def _complete(
    kind: inspect.Type, schema: Schema, components: dict[str, Schema], met: set[type]
) -> None:
    """Put into the schema of a type, and of the types in it, what it lacks."""
    match kind:
        case inspect.Metadata(type=inner):
            _complete(inner, schema, components, met)
        case inspect.DateTimeType():
            for form in schema.get("anyOf", [schema]):
                if form.get("type") == "string":
                    form.setdefault("format", "date-time")
        case inspect.UnionType(types=types):
            for inner in types:
                _complete(inner, schema, components, met)
        case inspect.ListType(item_type=inner):
            _complete(inner, _part(schema, "items"), components, met)
        case inspect.DictType(value_type=inner):
            _complete(inner, _part(schema, "additionalProperties"), components, met)
        case inspect.StructType() if kind.cls not in met:
            met.add(kind.cls)
            _complete_object(kind, components, met)
        case _:
            pass


def _part(schema: Schema, key: str) -> Schema:
    """The schema of what a list or an object holds, where there is one."""
    for form in schema.get("anyOf", [schema]):
        if isinstance(form.get(key), dict):
            return form[key]
    return {}


def _complete_object(
    kind: inspect.StructType, components: dict[str, Schema], met: set[type]
) -> None:
    schema = components[kind.cls.__name__]
    properties: dict[str, Schema] = schema.get("properties", {})
    for field in kind.fields:
        _complete(field.type, properties[field.encode_name], components, met)
    if kind.tag_field is not None:  # a sender may leave it out, in the contract
        schema["required"] = [name for name in schema["required"] if name != kind.tag_field]
    if kind.cls in _WITH_SCHEDULES:
        forms: list[Schema] = [{"$ref": REFERENCE.format(name=form.__name__)} for form in _FORMS]
        nothing: list[Schema] = [{"type": "null"}] if _WITH_SCHEDULES[kind.cls] else []
        properties["schedule"] = {"anyOf": forms + nothing}
