"""Checking values against JSON Schema, with validators kept by the text of their schema.

The library takes 165 ms to import and most programs check nothing: it is loaded at the first check.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from headrace._bindings import load
from headrace.core.short_texts import TEMPLATE, remember_short


class _Error(Protocol):
    message: str
    absolute_path: Any


class Validator(Protocol):
    """A compiled schema."""

    def iter_errors(self, instance: object) -> Iterator[_Error]:
        """Everything that is wrong with a value."""
        ...


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that is wrong: where (keys and indices from the value's root), and what."""

    path: tuple[str | int, ...]
    message: str

    @property
    def field(self) -> str:
        """The path as people write it; empty for the value itself."""
        return ".".join(str(part) for part in self.path)


@remember_short(256, TEMPLATE)
def compile_schema(text: str) -> Validator:
    """The validator of a schema given as JSON text, built once.

    Raises:
        ValueError: It is not a JSON Schema; says where.
    """
    schema = json.loads(text)
    validator: Any = load("jsonschema:Draft202012Validator")
    schema_error: Any = load("jsonschema:SchemaError")
    try:
        validator.check_schema(schema)
    except schema_error as error:
        where = ".".join(str(part) for part in error.absolute_path)
        message = f"not a JSON schema{f', at {where}' if where else ''}: {error.message}"
        raise ValueError(message) from error
    return validator(schema)


def schema_text(schema: Mapping[str, object]) -> str:
    """The text that `compile_schema` takes, the same for equal schemas."""
    return json.dumps(schema, sort_keys=True, separators=(",", ":"))


def find_faults(validator: Validator, value: object) -> list[Fault]:
    """What is wrong with `value`, in the order of its fields; nothing when it is valid."""
    unresolvable: Any = load("referencing.exceptions:Unresolvable")
    try:
        errors = list(validator.iter_errors(value))
    except unresolvable as error:
        return [Fault((), f"the schema points to {error.ref!r}, which it does not have")]
    faults = [Fault(tuple(error.absolute_path), error.message) for error in errors]
    return sorted(faults, key=lambda fault: fault.field)
