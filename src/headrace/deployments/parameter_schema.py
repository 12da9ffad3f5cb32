"""The JSON schema of a flow's parameters, from its function's signature and docstring.

pydantic is loaded only where an annotation is more than a plain type.
"""

import inspect
import re
import typing
from collections.abc import Callable, Mapping
from typing import Any

from headrace._bindings import HEAVY, load

_PLAIN: dict[Any, dict[str, Any]] = {
    inspect.Parameter.empty: {},
    Any: {},
    str: {"type": "string"},
    int: {"type": "integer"},
    float: {"type": "number"},
    bool: {"type": "boolean"},
    dict: {"type": "object"},
    list: {"type": "array", "items": {}},
}
_PLAIN_DEFAULTS = (str, int, float, bool, type(None))
_REFERENCE = "#/definitions/{model}"
_SECTION = re.compile(r"^\s*(Args|Arguments|Parameters|Params):\s*$")
_ENTRY = re.compile(r"^(\*{0,2}\w+)\s*(?:\([^)]*\))?\s*:\s*(.*)$")
_SPHINX = re.compile(r"^\s*:param\s+(?:[^:]*\s)?(\w+)\s*:\s*(.*)$")


def describe_parameters(function: Callable[..., Any]) -> dict[str, Any]:
    """The schema that runs of a flow have their parameters checked against.

    Args:
        function: The flow's function; `self` of a bound method is no parameter.

    Returns:
        An object schema with `position` and `title` at each property, as the contract has it.
        `*args` is an array and `**kwargs` an object, neither required.
    """
    parameters = list(inspect.signature(function).parameters.values())
    hints = _hints(function)
    kinds = {p.name: hints.get(p.name, p.annotation) for p in parameters}
    schemas, definitions = _schemas(kinds)
    descriptions = read_descriptions(inspect.getdoc(function) or "")
    properties: dict[str, Any] = {}
    required: list[str] = []
    for position, parameter in enumerate(parameters):
        name = parameter.name
        schema = _of_kind(parameter, schemas[name])
        schema |= {"position": position, "title": name}
        if name in descriptions:
            schema["description"] = descriptions[name]
        if parameter.default is not parameter.empty:
            _set_default(schema, parameter.default, kinds[name])
        elif parameter.kind not in {parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD}:
            required.append(name)
        properties[name] = schema
    whole: dict[str, Any] = {"title": "Parameters", "type": "object", "properties": properties}
    if required:
        whole["required"] = required
    if definitions:
        whole["definitions"] = definitions
    return whole


def read_descriptions(docstring: str) -> dict[str, str]:
    """What a docstring says of each parameter, in the style of Google or Sphinx."""
    found: dict[str, list[str]] = {}
    current: list[str] | None = None
    indent: int | None = None
    in_section = False
    for line in docstring.splitlines():
        sphinx = _SPHINX.match(line)
        if sphinx:
            found[sphinx[1]] = [sphinx[2]]
            continue
        if _SECTION.match(line):
            in_section, current, indent = True, None, None
            continue
        depth = len(line) - len(line.lstrip())
        if not in_section or not line.strip():
            continue
        if depth == 0:
            in_section = False
            continue
        indent = depth if indent is None else indent
        entry = _ENTRY.match(line.strip()) if depth == indent else None
        if entry:
            current = found.setdefault(entry[1].lstrip("*"), [])
            current.append(entry[2])
        elif current is not None:
            current.append(line.strip())
    return {name: "\n".join(lines).strip() for name, lines in found.items() if any(lines)}


def _hints(function: Callable[..., Any]) -> dict[str, Any]:
    try:
        return typing.get_type_hints(function, include_extras=True)
    except Exception:  # noqa: BLE001  # a name in an annotation that only a type checker knows
        return {}


def _schemas(kinds: Mapping[str, Any]) -> tuple[dict[str, dict[str, Any]], dict[str, Any]]:
    plain = {n: dict(_PLAIN[k]) for n, k in kinds.items() if _is_plain(k)}
    others = {n: k for n, k in kinds.items() if n not in plain}
    if not others:
        return plain, {}
    pydantic: Any = load(HEAVY["pydantic"])
    adapters: list[tuple[str, str, Any]] = []
    for name, kind in others.items():
        adapter = _adapter(pydantic, kind)
        if adapter is None:
            plain[name] = {}
        else:
            adapters.append((name, "validation", adapter))
    made, combined = pydantic.TypeAdapter.json_schemas(adapters, ref_template=_REFERENCE)
    for (name, _), schema in made.items():
        plain[name] = dict(schema)
    return plain, combined.get("$defs", {})


def _is_plain(kind: Any) -> bool:
    try:
        return kind in _PLAIN
    except TypeError:
        return False


def _adapter(pydantic: Any, kind: Any) -> Any:
    """What makes the schema; None for a type that has none."""
    if isinstance(kind, str):
        return None
    try:
        adapter = pydantic.TypeAdapter(kind)
        adapter.json_schema(ref_template=_REFERENCE)
    except Exception:  # noqa: BLE001  # pydantic has a dozen ways to say that it cannot
        return None
    return adapter


def _of_kind(parameter: inspect.Parameter, schema: dict[str, Any]) -> dict[str, Any]:
    if parameter.kind is parameter.VAR_POSITIONAL:
        return {"type": "array", "items": schema}
    if parameter.kind is parameter.VAR_KEYWORD:
        return {"type": "object", "additionalProperties": schema or True}
    return schema


def _set_default(schema: dict[str, Any], default: Any, kind: Any) -> None:
    """Write a default down as JSON; one that has no such form is left out."""
    if isinstance(default, _PLAIN_DEFAULTS):
        schema["default"] = default
    else:
        pydantic: Any = load(HEAVY["pydantic"])
        try:
            adapter = pydantic.TypeAdapter(Any if kind is inspect.Parameter.empty else kind)
            schema["default"] = adapter.dump_python(default, mode="json", warnings=False)
        except Exception:  # noqa: BLE001  # as above
            return
    if default is None and schema.get("type", "$ref" in schema) not in {"null", False}:
        # `x: int = None` takes None, whatever its annotation says.
        schema["anyOf"] = [{k: schema.pop(k) for k in _type_keys(schema)}, {"type": "null"}]


def _type_keys(schema: Mapping[str, Any]) -> list[str]:
    kept = {"position", "title", "description", "default"}
    return [key for key in schema if key not in kept]
