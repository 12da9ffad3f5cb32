"""`{{ placeholder }}` in JSON values: finding them, and putting values in their place.

A text that is nothing but one placeholder becomes the value, of whatever type; placeholders inside a
longer text become text. `{{ a.b }}` looks into the object `a`. Three spellings refer to something
outside: `{{ prefect.blocks.<type>.<name> }}`, `{{ prefect.variables.<name> }}` (also with `headrace.`)
and `{{ $NAME }}`, an environment variable.
"""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final, cast

_PLACEHOLDER = re.compile(r"\{\{\s*([\w.$\-\[\]]+)\s*\}\}")
_OPENING: Final = "{{"  # without it there is none: looked for first, for nearly no text has any
_KINDS = {"blocks": "block", "variables": "variable"}


class Missing:
    """The type of `MISSING`, which stands for no value at all: not even null."""


MISSING: Final = Missing()


class Kept:
    """The type of `KEPT`, which stands for a placeholder that is left as it is written."""


KEPT: Final = Kept()


@dataclass(frozen=True, slots=True)
class Reference:
    """Something outside that a placeholder names: a `block`, a `variable`, or `environment`.

    `name` of a block is `<type>/<document name>`, followed by `.<field>` where one is named.
    """

    kind: str
    name: str


LookUp = Callable[[Reference], object]
"""The value of a reference. It raises `KeyError` where there is none."""

Fill = Callable[[str], object]
"""The value for a placeholder's name, or `MISSING`, or `KEPT`."""


def find_placeholders(value: object) -> Iterator[str]:
    """The names of all placeholders in a JSON value."""
    if isinstance(value, str):
        if _OPENING in value:
            yield from (match[1] for match in _PLACEHOLDER.finditer(value))
    elif isinstance(value, Mapping):
        for item in cast("Mapping[str, object]", value).values():
            yield from find_placeholders(item)
    elif isinstance(value, list):
        for item in cast("list[object]", value):
            yield from find_placeholders(item)


def has_placeholders(value: object) -> bool:
    """Whether what the value will be is not known yet."""
    return next(find_placeholders(value), None) is not None


def parse_reference(name: str) -> Reference | None:
    """What a placeholder's name refers to outside; None for a plain variable of the template."""
    if name.startswith("$"):
        return Reference("environment", name[1:])
    if "." not in name:
        return None
    product, _, rest = name.partition(".")
    word, _, rest = rest.partition(".")
    if product not in {"prefect", "headrace"} or word not in _KINDS or not rest:
        return None
    return Reference(_KINDS[word], rest.replace(".", "/", 1) if word == "blocks" else rest)


def sole_placeholder(text: str) -> str | None:
    """The name of the placeholder that the text is nothing but; None where there is more, or less."""
    whole = _PLACEHOLDER.fullmatch(text.strip()) if _OPENING in text else None
    return whole[1] if whole else None


def fill_text(text: str, fill: Fill) -> object:
    """One text with its placeholders filled; `MISSING` when it was one placeholder without a value."""
    name = sole_placeholder(text)
    if name is not None:
        value = fill(name)
        return text if value is KEPT else value
    if _OPENING not in text:
        return text
    return _PLACEHOLDER.sub(lambda match: _as_text(match, fill(match[1])), text)


def fill_value(value: object, fill: Fill) -> object:
    """A JSON value with its placeholders filled; what comes to `MISSING` is left out of its container."""
    if isinstance(value, str):
        return fill_text(value, fill)
    if isinstance(value, Mapping):
        items = cast("Mapping[str, object]", value).items()
        filled = {key: fill_value(item, fill) for key, item in items}
        return {key: item for key, item in filled.items() if item is not MISSING}
    if isinstance(value, list):
        listed = [fill_value(item, fill) for item in cast("list[object]", value)]
        return [item for item in listed if item is not MISSING]
    return value


def _as_text(match: re.Match[str], value: object) -> str:
    if value is KEPT:
        return match[0]
    if isinstance(value, Missing):
        return ""
    return json.dumps(value) if isinstance(value, dict | list) else str(value)


def look_into(values: Mapping[str, object], name: str) -> object:
    """The value at a dotted name, or `MISSING`. A key with a dot in it is found first."""
    if name in values:
        return values[name]
    if "." not in name:
        return MISSING
    found: object = values
    for part in name.split("."):
        if not isinstance(found, Mapping):
            return MISSING
        fields = cast("Mapping[str, object]", found)  # pyright: ignore[reportUnnecessaryCast]  # it narrows to Unknown without
        found = fields.get(part, MISSING)
    return found


def look_into_block(values: Mapping[str, object], path: list[str]) -> object:
    """What a reference to a block, and to a path of fields in it, means.

    A block whose one value is called `value` stands for that value, as with the contract's workers.

    Raises `KeyError`: it has no such field.
    """
    found: object = values
    if set(values) == {"value"} and path[:1] != ["value"]:
        found = values["value"]
    for part in path:
        if not isinstance(found, Mapping):
            raise KeyError(part)
        found = cast("Mapping[str, object]", found)[part]
    return found
