"""The schema of a block's class, as the API wants it: its fields, its secrets, the blocks in it."""

from collections.abc import Iterator, Mapping
from typing import Any, Final, get_args

import pydantic

_REFERENCE: Final = "#/definitions/{model}"
_SECRETS: Final = (pydantic.SecretStr, pydantic.SecretBytes, pydantic.Secret)

Fields = dict[str, Any]
Model = type[pydantic.BaseModel]


def types_in(annotation: object) -> Iterator[Any]:
    """The classes that an annotation is made of: of `dict[str, A] | None`, also `A`."""
    arguments = get_args(annotation)
    if isinstance(annotation, type) and not arguments:
        yield annotation
    for argument in arguments:
        yield from types_in(argument)


def models_of(model: Model) -> Iterator[tuple[str, Model]]:
    """The models that are values of a model's fields, each with the field's name."""
    for name, field in model.model_fields.items():
        for kind in types_in(field.annotation):
            if issubclass(kind, pydantic.BaseModel):
                yield field.alias or name, kind


def secret_fields(model: Model) -> list[str]:
    """Paths of what must not be shown, those inside of other models included."""
    paths: list[str] = []
    for name, field in model.model_fields.items():
        shown = field.alias or name
        for kind in types_in(field.annotation):
            if issubclass(kind, _SECRETS):
                is_mapping = any(issubclass(one, dict) for one in _origins(field.annotation))
                paths.append(f"{shown}.*" if is_mapping else shown)
            elif issubclass(kind, pydantic.BaseModel) and kind is not model:
                paths += [f"{shown}.{path}" for path in secret_fields(kind)]
    return list(dict.fromkeys(paths))


def _origins(annotation: object) -> Iterator[type]:
    origin = getattr(annotation, "__origin__", None)
    if isinstance(origin, type):
        yield origin
    for argument in get_args(annotation):
        yield from _origins(argument)


def describe(model: Model, slug: str, nested: Mapping[str, Fields]) -> Fields:
    """The fields of a block's schema.

    Args:
        model: The class.
        slug: Of its type.
        nested: Fields of the blocks that are values in it, by the names of their classes; they stand
            as definitions without definitions of their own.
    """
    fields: Fields = pydantic.BaseModel.model_json_schema.__func__(  # pyright: ignore[reportFunctionMemberAccess]  # pydantic's own, whatever a subclass made of it
        model, ref_template=_REFERENCE
    )
    definitions: Fields = fields.pop("$defs", {})
    for name, own in nested.items():
        definitions.update(own.get("definitions", {}))
        definitions[name] = {key: one for key, one in own.items() if key != "definitions"}
    for position, given in enumerate(fields.get("properties", {}).values()):
        given["position"] = position
    fields["block_type_slug"] = slug
    fields["secret_fields"] = secret_fields(model)
    if definitions:
        fields["definitions"] = definitions
    return fields
