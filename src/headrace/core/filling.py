"""Puts values into a job configuration, and notes of each where it came from."""

from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple, cast

from headrace.core.placeholders import (
    MISSING,
    Fill,
    LookUp,
    Missing,
    fill_text,
    find_placeholders,
    look_into,
    parse_reference,
    sole_placeholder,
)
from headrace.errors import ObjectNotFound

Values = Mapping[str, object]

TEMPLATE: Final = "template"
"""Who gave what the template itself says."""


class Part(NamedTuple):
    """One value of a job, and the layers, variables and blocks that it came from."""

    value: object
    sources: tuple[str, ...]


class Filling:
    """The walk over a configuration that puts values in and notes where each came from.

    Args:
        values: The variables' values.
        origins: Who gave each: by the variable's name, or by that of a field in it.
        look_up: Gives what references stand for.
    """

    def __init__(
        self, values: Values, origins: Mapping[str, tuple[str, ...]], look_up: LookUp
    ) -> None:
        self._values, self._origins, self._look_up = values, origins, look_up
        self.parts: dict[str, Part] = {}

    def fill(self, value: object, path: tuple[str, ...]) -> object:
        """The value that stands at a path of the configuration. Raises `ObjectNotFound`."""
        if isinstance(value, str):
            return self._fill_text(value, path)
        if isinstance(value, Mapping):
            items = cast("Mapping[str, object]", value).items()
            filled = {key: self.fill(item, (*path, key)) for key, item in items}
            return {key: item for key, item in filled.items() if item is not MISSING}
        if isinstance(value, list):
            every = enumerate(cast("list[object]", value))
            listed = [self.fill(item, (*path, str(index))) for index, item in every]
            return [item for item in listed if item is not MISSING]
        return self._note(path, value, ())

    def _fill_text(self, value: str, path: tuple[str, ...]) -> object:
        used: list[str] = []
        name = sole_placeholder(value)
        if name is None:
            return self._note(path, fill_text(value, self._filler(path, used)), used)
        given = MISSING if parse_reference(name) else look_into(self._values, name)
        if isinstance(given, Mapping) and given:
            return self._open(name, cast("Values", given), path)
        result = self._fill_one(name, path, used)
        return result if result is MISSING else self._note(path, result, used)

    def open_value(self, name: str) -> object:
        """A variable's value with what it refers to. Raises `ObjectNotFound`."""
        return self._resolve_inside(self._values[name], (name,), [])

    def _open(self, name: str, given: Values, path: tuple[str, ...]) -> dict[str, object]:
        """The object that a variable stands for: each of its values has come from a layer."""
        opened: dict[str, object] = {}
        for key, item in given.items():
            inner, at = f"{name}.{key}", (*path, key)
            if not isinstance(item, str) and isinstance(item, Mapping) and item:
                opened[key] = self._open(inner, cast("Values", item), at)
                continue
            used = list(self._origin(inner))
            opened[key] = self._note(at, self._resolve_inside(cast("object", item), at, used), used)
        return opened

    def _note(self, path: tuple[str, ...], value: object, used: Sequence[str]) -> object:
        self.parts[".".join(path)] = Part(value, tuple(dict.fromkeys(used)) or (TEMPLATE,))
        return value

    def _origin(self, name: str) -> tuple[str, ...]:
        """Who gave a variable, or a field in it: who gave the nearest that is known by itself."""
        while name not in self._origins:
            name = name.rpartition(".")[0]
        return self._origins[name]

    def _filler(self, path: tuple[str, ...], used: list[str]) -> Fill:
        return lambda name: self._fill_one(name, path, used)

    def _fill_one(self, name: str, path: tuple[str, ...], used: list[str]) -> object:
        if parse_reference(name) is not None:
            return self._refer(name, path, used)
        value = look_into(self._values, name)
        if isinstance(value, Missing):
            return value
        used.extend(self._origin(name))
        return self._resolve_inside(value, path, used)

    def _resolve_inside(self, value: object, path: tuple[str, ...], used: list[str]) -> object:
        """References inside a variable's value; other braces in it are the user's own text."""
        if isinstance(value, str):
            return self._resolve_text(value, path, used) if has_reference(value) else value
        if isinstance(value, Mapping):
            items = cast("Mapping[str, object]", value).items()
            return {key: self._resolve_inside(item, path, used) for key, item in items}
        if isinstance(value, list):
            every = cast("list[object]", value)
            return [self._resolve_inside(item, path, used) for item in every]
        return value

    def _resolve_text(self, value: str, path: tuple[str, ...], used: list[str]) -> object:
        return fill_text(
            value,
            lambda name: (
                self._refer(name, path, used) if parse_reference(name) else f"{{{{ {name} }}}}"
            ),
        )

    def _refer(self, name: str, path: tuple[str, ...], used: list[str]) -> object:
        reference = parse_reference(name)
        assert reference is not None
        try:
            value = self._look_up(reference)
        except KeyError as error:
            where = ".".join(path)
            message = f"the job's {where!r} refers to the {reference.kind} {reference.name!r}"
            raise ObjectNotFound(f"{message}, which does not exist; create it") from error
        used.append(f"{reference.kind} {reference.name}")
        return value


def has_reference(value: object) -> bool:
    """Whether a value refers to a block, a variable or the environment."""
    return any(map(parse_reference, find_placeholders(value)))
