"""How a setting's value is read from text, or from what a TOML file holds."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, cast

from headrace._bindings import load

if TYPE_CHECKING:
    from collections.abc import Callable

TRUE = frozenset({"1", "true", "t", "yes", "y", "on"})
FALSE = frozenset({"0", "false", "f", "no", "n", "off"})
LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")
INFINITE = float("inf")


def parse(kind: str, raw: object) -> object:
    """The value of a setting of the type `kind` (as in `declared`) from what a source holds.

    Raises:
        ValueError: `raw` is not of that type; the message says what is expected.
    """
    alternatives = [part.strip() for part in kind.split("|")]
    if "None" in alternatives:
        alternatives.remove("None")
        if raw is None or (isinstance(raw, str) and raw.strip().lower() in {"", "none", "null"}):
            return None
    expected: list[str] = []
    for alternative in alternatives:
        try:
            return PARSERS[alternative](raw)
        except ValueError as error:
            expected.append(str(error))
    raise ValueError(" or ".join(expected))


def _text(raw: object) -> str:
    if isinstance(raw, str | int | float):
        return str(raw)
    raise ValueError("text")


def _truth(raw: object) -> bool:
    if isinstance(raw, bool):
        return raw
    word = str(raw).strip().lower()
    if word in TRUE:
        return True
    if word in FALSE:
        return False
    raise ValueError("true or false")


def _whole(raw: object) -> int:
    if isinstance(raw, bool):
        raise ValueError("a whole number")  # noqa: TRY004  # one kind of error for every bad value
    try:
        return int(str(raw).strip())
    except ValueError:
        raise ValueError("a whole number") from None


def _number(raw: object) -> float:
    if isinstance(raw, bool):
        raise ValueError("a number")  # noqa: TRY004  # as above
    try:
        return float(str(raw).strip())
    except ValueError:
        raise ValueError("a number") from None


def _amount(raw: object) -> float:
    number = _number(raw)
    if not 0 <= number < INFINITE:
        raise ValueError("a number, 0 or more")
    return number


def _count(raw: object) -> int:
    number = _whole(raw)
    if number < 0:
        raise ValueError("a whole number, 0 or more")
    return number


def _level(raw: object) -> str:
    name = str(raw).strip().upper()
    if name in LEVELS or name.isdecimal():
        return name
    raise ValueError(f"one of {', '.join(LEVELS)}, or a number")


def _url(raw: object) -> str:
    text = _text(raw).strip()
    if text.lower().startswith(("http://", "https://")):
        return text
    raise ValueError("an address such as http://127.0.0.1:4200/api")


def _path(raw: object) -> object:
    if isinstance(raw, str) and raw.strip():
        return load("pathlib:Path")(raw.strip()).expanduser()
    raise ValueError("a path")


def _several(one: Callable[[object], object], what: str) -> Callable[[object], object]:
    def read(raw: object) -> tuple[object, ...]:
        if isinstance(raw, str):
            stripped = raw.strip()
            raw = _json(stripped, what) if stripped.startswith("[") else stripped.split(",")
        if isinstance(raw, int | float) and not isinstance(raw, bool):
            raw = [raw]
        if not isinstance(raw, list | tuple):
            raise ValueError(what)  # noqa: TRY004  # as above
        parts = cast("list[object]", raw)
        try:
            return tuple(one(p.strip() if isinstance(p, str) else p) for p in parts if p != "")
        except ValueError:
            raise ValueError(what) from None

    return read


def _mapping(raw: object) -> dict[str, str]:
    if isinstance(raw, str):
        raw = _json(raw, "a JSON object of texts") if raw.strip() else {}
    if not isinstance(raw, dict):
        raise ValueError("a JSON object of texts")  # noqa: TRY004  # as above
    return {str(k): _text(v) for k, v in cast("dict[object, object]", raw).items()}


def _json(text: str, what: str) -> object:
    try:
        return load("json:loads")(text)
    except ValueError:
        raise ValueError(what) from None


PARSERS: dict[str, Callable[[object], object]] = {
    "str": _text,
    "bool": _truth,
    "int": _whole,
    "float": _number,
    "Path": _path,
    "Seconds": _amount,
    "Count": _count,
    "Level": _level,
    "Url": _url,
    "tuple[str, ...]": _several(_text, "a list of texts, separated by commas"),
    "tuple[int, ...]": _several(_whole, "a list of whole numbers, separated by commas"),
    "tuple[float, ...]": _several(_number, "a list of numbers, separated by commas"),
    "dict[str, str]": _mapping,
}


def environment_lines(text: str) -> dict[str, str]:
    """The names and values of a `.env` file: `NAME=value`, `export NAME="value"`, `# comment`."""
    found: dict[str, str] = {}
    for line in text.splitlines():
        name, separator, value = line.strip().removeprefix("export ").partition("=")
        if not separator or name.startswith("#"):
            continue
        value = value.strip()
        if value[:1] in {'"', "'"} and value.find(value[0], 1) > 0:
            value = value[1 : value.find(value[0], 1)]
        else:
            value = value.split(" #", 1)[0].rstrip()
        found[name.strip()] = value
    return found


def expanded(path: str) -> str:
    """`path` with `~` replaced by the user's directory."""
    return os.path.expanduser(path)  # noqa: PTH111  # pathlib is not loaded for this alone
