"""Parameters of a run: values that stand for others opened, and all of them checked.

A value may be an object that says how to make it: `{"__prefect_kind": "json", "value": "[1, 2]"}` is
the list, `"workspace_variable"` with `variable_name` is a variable's value, `"none"` is `value` as it
stands. Forms of a user interface send them.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from typing import cast

from headrace.core.json_schema import Fault, compile_schema, find_faults, schema_text

KIND = "__prefect_kind"

Variables = Callable[[str], object]
"""A variable's value by its name. It raises `KeyError` where there is none."""


def find_variables(value: object) -> Iterator[str]:
    """The names of the variables that a value's parts stand for."""
    if isinstance(value, Mapping):
        fields = cast("Mapping[str, object]", value)
        if fields.get(KIND) == "workspace_variable":
            yield str(fields.get("variable_name"))
        else:
            for item in fields.values():
                yield from find_variables(item)
    elif isinstance(value, list):
        for item in cast("list[object]", value):
            yield from find_variables(item)


def open_values(value: object, variables: Variables) -> object:
    """The value with every part that stands for another replaced by it.

    Raises:
        ValueError: A kind is not known, its JSON cannot be read or its variable does not exist.
    """
    if isinstance(value, list):
        return [open_values(item, variables) for item in cast("list[object]", value)]
    if not isinstance(value, Mapping):
        return value
    fields = cast("Mapping[str, object]", value)
    if KIND not in fields:
        return {name: open_values(item, variables) for name, item in fields.items()}
    kind = fields[KIND]
    if kind == "none" or kind is None:
        return open_values(fields.get("value"), variables)
    if kind == "json":
        return _read_json(fields.get("value"))
    if kind == "workspace_variable":
        try:
            return variables(str(fields.get("variable_name")))
        except KeyError as error:
            message = f"there is no variable {fields.get('variable_name')!r}; create it first"
            raise ValueError(message) from error
    message = f"a value of the kind {kind!r} cannot be made here: send the value itself"
    raise ValueError(message)


def _read_json(text: object) -> object:
    if text is None or text == "":
        return None
    try:
        return json.loads(str(text))
    except ValueError as error:
        message = f"{text!r} is not JSON: {error}"
        raise ValueError(message) from error


def check_schema(schema: Mapping[str, object]) -> None:
    """Refuse what is not a JSON schema of parameters; `ValueError` says where."""
    compile_schema(schema_text(schema))


def find_parameter_faults(
    schema: Mapping[str, object], parameters: Mapping[str, object], *, complete: bool
) -> list[Fault]:
    """What is wrong with parameters.

    Args:
        schema: The deployment's `parameter_openapi_schema`.
        parameters: Defaults and given values together.
        complete: Whether required parameters must be there: a deployment may leave them to its runs.
    """
    if not complete:
        schema = {name: part for name, part in schema.items() if name != "required"}
    if is_plainly_valid(schema, parameters):
        return []
    return find_faults(compile_schema(schema_text(schema)), dict(parameters))


_PLAIN_TYPES: dict[str, Callable[[object], bool]] = {
    "string": lambda value: isinstance(value, str),
    "integer": lambda value: isinstance(value, int) and not isinstance(value, bool),
    "number": lambda value: isinstance(value, int | float) and not isinstance(value, bool),
    "boolean": lambda value: isinstance(value, bool),
    "null": lambda value: value is None,
}
_SAY_NOTHING = frozenset({"title", "type", "default", "position", "description"})
_SAY_NOTHING_OF_ALL = frozenset({"title", "type", "properties", "required", "definitions"})


def is_plainly_valid(schema: Mapping[str, object], parameters: Mapping[str, object]) -> bool:
    """Whether parameters are valid by a look at their types alone: most are, at 1/30 of the cost.

    False says only that a real check is needed.
    """
    properties = schema.get("properties", {})
    if not (schema.keys() <= _SAY_NOTHING_OF_ALL and isinstance(properties, Mapping)):
        return False
    required = cast("list[str]", schema.get("required", []))
    if not parameters.keys() >= set(required):
        return False
    plain = cast("Mapping[str, Mapping[str, object]]", properties)
    return all(_is_plainly(plain.get(name), value) for name, value in parameters.items())


def _is_plainly(schema: Mapping[str, object] | None, value: object) -> bool:
    if schema is None:  # the schema does not speak of it
        return True
    check = _PLAIN_TYPES.get(str(schema.get("type")))
    return check is not None and schema.keys() <= _SAY_NOTHING and check(value)
