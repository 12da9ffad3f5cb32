"""A deployment file as plain values, with the line that each of them stands in."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any, cast

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError

from headrace.errors import ConfigurationError

FILE_NAMES = ("headrace.yaml", "prefect.yaml")
"""What a deployment file is called, the first that is there counts."""

Place = tuple[str | int, ...]

_FLAGS = {
    spelling: value
    for word, value in (("yes", True), ("on", True), ("no", False), ("off", False))
    for spelling in (word, word.upper(), word.capitalize())
}
"""Words that mean true and false, unless they are quoted, to the contract's own reader as well."""


@dataclass(frozen=True, slots=True)
class Document:
    """A deployment file.

    Args:
        path: Where it is.
        values: What it holds, with aliases and merged keys put in their places.
        lines: The line, from 1, of each place in it.
    """

    path: Path
    values: dict[str, Any] = field(default_factory=dict[str, Any])
    lines: Mapping[Place, int] = field(default_factory=dict[Place, int])

    def where(self, place: Place) -> str:
        """The file and the line of a place, or of the nearest one around it, for a message."""
        for length in range(len(place), 0, -1):
            line = self.lines.get(place[:length])
            if line is not None:
                return f"{self.path.name}, line {line}"
        return self.path.name


def find_file(directory: Path) -> Path | None:
    """The deployment file of a directory."""
    return next((directory / n for n in FILE_NAMES if (directory / n).is_file()), None)


def read_document(path: Path) -> Document:
    """The deployment file at `path`.

    Raises:
        ConfigurationError: It cannot be read, is no YAML, or is no mapping; says in which line.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        message = f"the deployment file {path} cannot be read: {reason}"
        raise ConfigurationError(message) from None
    yaml: Any = YAML()
    yaml.preserve_quotes = True
    try:
        loaded = yaml.load(text)
    except MarkedYAMLError as caught:
        error: Any = caught
        mark = error.problem_mark
        where = f"{path.name}, line {mark.line + 1}" if mark is not None else path.name
        message = f"{where}: not YAML: {error.problem or error.context}"
        raise ConfigurationError(message) from None
    if loaded is None:
        return Document(path)
    if not isinstance(loaded, dict):
        message = f"{path.name}: a deployment file is a mapping, as `deployments: [...]`"
        raise ConfigurationError(message)
    lines = dict(_lines(loaded, ()))
    return Document(path, cast("dict[str, Any]", _plain(loaded)), lines)


def _plain(value: Any) -> Any:
    """The value as JSON has it. What YAML takes for a date becomes text again."""
    if isinstance(value, Mapping):
        items = cast("Mapping[Any, Any]", value).items()
        return {str(key): _plain(item) for key, item in items}
    if isinstance(value, list):
        return [_plain(item) for item in cast("list[Any]", value)]
    if type(value) is str:  # a plain word: one in quotes is of a subclass
        return _FLAGS.get(value, value)
    if isinstance(value, date):
        return value.isoformat().replace("+00:00", "Z")
    for kind in (bool, int, float, str):
        if isinstance(value, kind):
            return kind(value)
    return value


def _lines(value: Any, place: Place) -> Iterator[tuple[Place, int]]:
    if isinstance(value, dict):
        marked = cast("Any", value)
        for key, item in cast("dict[Any, Any]", value).items():
            if key in (marked.lc.data or {}):  # a key that was merged in stands elsewhere
                yield (*place, str(key)), marked.lc.key(key)[0] + 1
            yield from _lines(item, (*place, str(key)))
    elif isinstance(value, list):
        marked = cast("Any", value)
        for index, item in enumerate(cast("list[Any]", value)):
            yield (*place, index), marked.lc.item(index)[0] + 1
            yield from _lines(item, (*place, index))
