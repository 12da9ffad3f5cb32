"""TOML files that hold settings. Loaded only where such a file exists."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, cast

from headrace.errors import InvalidSetting

if TYPE_CHECKING:
    from collections.abc import Mapping

Table = dict[str, object]


def tables(path: str) -> Table:
    """All of a TOML file.

    Raises:
        InvalidSetting: It is not TOML; the message names file and place.
    """
    try:
        return tomllib.loads(Path(path).read_text(encoding="utf-8"))
    except OSError as error:
        message = f"{path} cannot be read: {error.strerror}"
        raise InvalidSetting(message) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        message = f"{path} is not a TOML file: {error}"
        raise InvalidSetting(message) from None


def flat(path: str, inside: tuple[str, ...]) -> Table:
    """The settings of the table `inside` by name: `[api] url` is `api_url`."""
    table: object = tables(path)
    for key in inside:
        table = _table(table).get(key)
    return dict(_flatten(_table(table), ""))


def _flatten(table: Mapping[str, object], prefix: str) -> list[tuple[str, object]]:
    found: list[tuple[str, object]] = []
    for key, value in table.items():
        name = f"{prefix}{key.lower().removeprefix('headrace_')}"
        inner = _table(value)
        if inner and name != "client_custom_headers":
            found.extend(_flatten(inner, f"{name}_"))
        else:
            found.append((name, inner or value))
    return found


def active_profile(path: str, wanted: str | None) -> tuple[str, Table]:
    """The name and settings of the profile `wanted`, or of the one the file says is active.

    Raises:
        InvalidSetting: The profile is not in the file, or the file has not the form it must have.
    """
    content = tables(path)
    name = wanted or str(content.get("active") or "")
    profiles = _required(content.get("profiles", {}), "profiles", path)
    if name in profiles:
        return name, dict(_flatten(_required(profiles[name], f"profiles.{name}", path), ""))
    if not name:
        return "", {}
    there = ", ".join(profiles) or "none"
    message = f"the profile {name!r} is not in {path}; it has: {there}"
    raise InvalidSetting(message)


def _required(value: object, key: str, path: str) -> Table:
    if not isinstance(value, dict):
        message = f"{key} in {path} is {value!r}; it must be a table: [{key}]"
        raise InvalidSetting(message)
    return cast("Table", value)


def _table(value: object) -> Table:
    return cast("Table", value) if isinstance(value, dict) else {}
