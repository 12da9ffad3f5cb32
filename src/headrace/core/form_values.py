"""Values as a form sends them while a person fills it in: what is wrong with which field.

Unlike the parameters of a run (`parameters`), a value that cannot be made yet is one field's fault,
and a template stands for anything.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, cast

from headrace.core.json_schema import Fault, compile_schema, find_faults, schema_text
from headrace.core.parameters import KIND
from headrace.core.text_templates import find_template_fault

Path = tuple[str | int, ...]
Variables = Mapping[str, object]
Tree = list[object]

_ABSENT: Final = object()
"""What a value comes to that is not there."""


@dataclass(slots=True)
class _Opening:
    """One walk over values: what they come to, and where they come to nothing that can be checked."""

    variables: Variables
    settled: dict[Path, str | None] = field(default_factory=dict[Path, "str | None"])
    """By path: a fault, or None for what stands for anything."""

    def open(self, value: object, path: Path) -> object:
        if isinstance(value, list):
            items = cast("list[object]", value)
            opened = [self.open(item, (*path, at)) for at, item in enumerate(items)]
            return [item for item in opened if item is not _ABSENT]
        if not isinstance(value, Mapping):
            return value
        fields = cast("Mapping[str, object]", value)
        if KIND in fields:
            return self._make(fields, path)
        opened_fields = {name: self.open(item, (*path, name)) for name, item in fields.items()}
        return {name: item for name, item in opened_fields.items() if item is not _ABSENT}

    def _make(self, fields: Mapping[str, object], path: Path) -> object:
        kind = fields[KIND]
        make = _KINDS.get(kind) if isinstance(kind, str) else _make_value
        if make is None:
            return self._settle(path, None)
        return make(self, fields, path)

    def _settle(self, path: Path, fault: str | None) -> object:
        self.settled[path] = fault
        return None

    def make_json(self, fields: Mapping[str, object], path: Path) -> object:
        if "value" not in fields:
            return _ABSENT
        text = fields["value"]
        if text is None or text == "":
            return None
        try:
            return json.loads(str(text))
        except (ValueError, RecursionError) as error:
            return self._settle(path, f"Invalid JSON: {error}")

    def make_variable(self, fields: Mapping[str, object], path: Path) -> object:
        if "variable_name" not in fields:
            return _ABSENT
        name = str(fields["variable_name"])
        if name not in self.variables:
            return self._settle(path, f"There is no variable {name!r}.")
        return self.variables[name]

    def make_template(self, fields: Mapping[str, object], path: Path) -> object:
        template = fields.get("template")
        if not isinstance(template, str):
            return self._settle(path, "A template has its text under the key 'template'.")
        fault = find_template_fault(template)
        return self._settle(path, None if fault is None else f"Invalid Jinja: {fault.message}")


def _make_value(opening: _Opening, fields: Mapping[str, object], path: Path) -> object:
    return opening.open(fields["value"], path) if "value" in fields else None


_KINDS: Final[dict[str, Callable[[_Opening, Mapping[str, object], Path], object]]] = {
    "none": _make_value,
    "json": _Opening.make_json,
    "workspace_variable": _Opening.make_variable,
    "jinja": _Opening.make_template,
}


def find_form_faults(
    schema: Mapping[str, object], values: Mapping[str, object], variables: Variables
) -> Tree:
    """What is wrong with a form's values, as the contract's tree of properties and indices.

    Args:
        schema: JSON Schema of the values.
        values: What was entered.
        variables: Values of the variables that the entries name; one that is not there is a fault.

    Raises:
        ValueError: The schema is none, or points to a part that it does not have.
    """
    opening = _Opening(variables)
    opened = opening.open(values, ())
    faults = find_faults(compile_schema(schema_text(schema)), opened)
    faults = [fault for fault in faults if not _is_below(fault.path, opening.settled)]
    faults += [Fault(path, text) for path, text in opening.settled.items() if text is not None]
    tree: Tree = []
    for fault in faults:
        if not fault.path and fault.message.startswith("the schema points to"):
            raise ValueError(fault.message)
        _place(tree, _with_missing(fault), fault.message)
    return tree


def _is_below(path: Path, settled: Mapping[Path, str | None]) -> bool:
    return any(path[: len(known)] == known for known in settled)


def _with_missing(fault: Fault) -> Path:
    """The path of what is missing, rather than of what misses it."""
    name, is_missing, _ = fault.message.partition(" is a required property")
    return (*fault.path, name.strip("'\"")) if is_missing else fault.path


def _place(tree: Tree, path: Sequence[str | int], message: str) -> None:
    """Add a message below the properties and indices of its path."""
    for part in path:
        key = "index" if isinstance(part, int) else "property"
        branches = [cast("dict[str, object]", each) for each in tree if isinstance(each, dict)]
        branch = next((each for each in branches if each.get(key) == part), None)
        if branch is None:
            branch = dict[str, object]({key: part, "errors": Tree()})
            tree.append(branch)
        tree = cast("Tree", branch["errors"])
    tree.append(message)
