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
    if not parameters and not (complete and schema.get("required")):
        return []
    checked = schema if complete else {k: v for k, v in schema.items() if k != "required"}
    return find_faults(compile_schema(schema_text(checked)), dict(parameters))
