"""Profiles: named sets of settings in `profiles.toml`, one of them active.

What the command line's `profile` and `config` groups do. The file's comments and order survive an
edit; it is replaced in one step, so that a reader never sees half of it.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, cast

import tomlkit
from tomlkit.exceptions import TOMLKitError

from headrace.errors import InvalidSetting, ObjectAlreadyExists, ObjectNotFound
from headrace.settings import MASK, Settings, forget, profiles_path
from headrace.settings.declared import SECRETS
from headrace.settings.home import make_home, writing
from headrace.settings.values import parse

if TYPE_CHECKING:
    from pathlib import Path

    from tomlkit import TOMLDocument

PREFIX = "HEADRACE_"
INITIAL = "default"
"""The profile that `set_in_profile` makes where there is none."""

Values = dict[str, str]


def list_profiles() -> list[str]:
    """The profiles' names, in the file's order."""
    return list(_profiles(_read()))


def active_profile() -> str | None:
    """The profile that this process uses: `HEADRACE_PROFILE`, else the file's active one."""
    named = os.environ.get("HEADRACE_PROFILE")
    return named or _active(_read())


def inspect_profile(name: str, *, show_secrets: bool = False) -> Values:
    """A profile's settings by environment name; secrets are masked.

    Raises:
        ObjectNotFound: There is no such profile.
    """
    values = _profile(_read(), name)
    return {
        key: MASK if _setting_name(key) in SECRETS and not show_secrets else str(value)
        for key, value in values.items()
    }


def create_profile(name: str, *, source: str | None = None) -> None:
    """Make a profile, empty or as a copy of the profile `source`.

    Raises:
        ObjectAlreadyExists: There is a profile of this name.
        ObjectNotFound: There is no profile `source`.
        InvalidSetting: The name is empty.
    """
    document = _read()
    if not name.strip():
        raise InvalidSetting("a profile needs a name")
    if name in _profiles(document):
        message = f"there is a profile {name!r} already; choose another name or delete it first"
        raise ObjectAlreadyExists(message)
    copied = dict(_profile(document, source)) if source else {}
    _profiles(document)[name] = copied
    _write(document)


def delete_profile(name: str) -> None:
    """Remove a profile.

    Raises:
        ObjectNotFound: There is no such profile.
        InvalidSetting: It is the active one.
    """
    document = _read()
    _profile(document, name)
    if active_profile() == name:
        message = f"the profile {name!r} is active; use another one first"
        raise InvalidSetting(message)
    del _profiles(document)[name]
    _write(document)


def rename_profile(name: str, new_name: str) -> None:
    """Give a profile another name; if it was active it stays so.

    Raises:
        ObjectNotFound: There is no such profile.
        ObjectAlreadyExists: There is a profile of the new name.
    """
    document = _read()
    values = _profile(document, name)
    if new_name in _profiles(document):
        message = f"there is a profile {new_name!r} already"
        raise ObjectAlreadyExists(message)
    _profiles(document)[new_name] = values
    del _profiles(document)[name]
    if _active(document) == name:
        document["active"] = new_name
    _write(document)


def use_profile(name: str) -> None:
    """Make a profile the active one.

    Raises:
        ObjectNotFound: There is no such profile.
    """
    document = _read()
    _profile(document, name)
    document["active"] = name
    _write(document)


def set_in_profile(values: Values, name: str | None = None) -> str:
    """Put settings (by environment name) into a profile, by default the active one.

    Returns:
        The profile's name; where there was no profile at all, a new active one.

    Raises:
        InvalidSetting: A name is no setting, or a value is not of its type.
        ObjectNotFound: There is no such profile.
    """
    for key, value in values.items():
        _check(key, value)
    document = _read()
    chosen = name or active_profile()
    if chosen is None:
        chosen = INITIAL
        _profiles(document).setdefault(chosen, {})
        document["active"] = chosen
    _profile(document, chosen).update(values)
    _write(document)
    return chosen


def unset_in_profile(keys: list[str], name: str | None = None) -> str:
    """Take settings out of a profile, by default the active one, and return its name.

    Raises:
        ObjectNotFound: There is no such profile, or it does not set one of them.
    """
    document = _read()
    chosen = name or active_profile() or INITIAL
    profile = _profile(document, chosen)
    missing = [key for key in keys if key not in profile]
    if missing:
        message = f"the profile {chosen!r} does not set {', '.join(missing)}"
        raise ObjectNotFound(message)
    for key in keys:
        del profile[key]
    _write(document)
    return chosen


def _check(key: str, value: str) -> None:
    kinds = Settings.kinds()
    name = _setting_name(key)
    if name not in kinds or not key.startswith(PREFIX):
        message = f"{key!r} is no setting; `headrace config view --show-defaults` lists them all"
        raise InvalidSetting(message)
    if name in {"home", "profiles_path"}:
        message = f"{key} cannot be set in a profile: it decides where profiles are"
        raise InvalidSetting(message)
    try:
        parse(kinds[name], value)
    except ValueError as error:
        shown = "that value" if name in SECRETS else repr(value)
        message = f"{key} cannot be {shown}; it must be {error}"
        raise InvalidSetting(message) from None


def _setting_name(key: str) -> str:
    return key.removeprefix(PREFIX).lower()


def _path() -> Path:
    return profiles_path()


def _read() -> TOMLDocument:
    path = _path()
    if not path.exists():
        return tomlkit.document()
    try:
        return tomlkit.parse(path.read_text(encoding="utf-8"))
    except OSError as error:
        message = f"{path} cannot be read: {error.strerror}"
        raise InvalidSetting(message) from None
    except (TOMLKitError, UnicodeDecodeError) as error:
        message = f"{path} is not a TOML file: {error}"
        raise InvalidSetting(message) from None


def _profiles(document: TOMLDocument) -> dict[str, object]:
    if "profiles" not in document:
        document["profiles"] = tomlkit.table(is_super_table=True)
    return _table(document["profiles"], "profiles")


def _active(document: TOMLDocument) -> str | None:
    content = cast("dict[str, object]", document)
    return str(content["active"]) if content.get("active") else None


def _profile(document: TOMLDocument, name: str) -> dict[str, object]:
    profiles = _profiles(document)
    if name not in profiles:
        message = f"there is no profile {name!r}; there are: {', '.join(profiles) or 'none'}"
        raise ObjectNotFound(message)
    return _table(profiles[name], f"profiles.{name}")


def _table(value: object, key: str) -> dict[str, object]:
    if not isinstance(value, dict):
        message = f"{key} in {_path()} is {value!r}; it must be a table: [{key}]"
        raise InvalidSetting(message)
    return cast("dict[str, object]", value)


def _write(document: TOMLDocument) -> None:
    path = _path()
    draft = path.with_suffix(f".{os.getpid()}.draft")
    make_home(path.parent)
    with writing(path, draft=draft):
        draft.touch(mode=0o600)  # it may hold keys
        draft.write_text(tomlkit.dumps(document), encoding="utf-8")
        draft.replace(path)
    forget()
