"""Where settings come from, in order, and what each source holds."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from headrace._bindings import load
from headrace.errors import InvalidSetting
from headrace.settings.values import environment_lines, expanded, parse

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

PREFIX = "HEADRACE_"
FALLBACK_PREFIX = "PREFECT_"
FALLBACK_NAMES = ("api_", "client_", "worker_", "runner_", "logging_", "tasks_", "flows_", "results_",
    "deployments_")  # fmt: skip
"""What a machine set up for the contract's client or worker tells us too. Never the home directory
or anything of the server: Headrace must not open another product's database."""

HOME = "~/.headrace"
OUTSIDE = ("server_", "test_")
"""Names that other parts read themselves: `server.config` the server's, the test-suite its own."""

_NO_SOURCE = (f"{PREFIX}_", f"{FALLBACK_PREFIX}_")  # what a run's process is told of its run

FILES = (".env", "headrace.toml", "pyproject.toml")
"""Sources in the directory that a program runs in."""

NOT_SETTINGS = frozenset({"profile"})
"""Names in the environment that choose a source and are no setting."""


class Unknown:
    """A name in a source that is no setting."""

    __slots__ = ("name", "source")

    def __init__(self, name: str, source: str) -> None:
        self.name = name
        self.source = source

    def __repr__(self) -> str:
        return f"Unknown({self.name!r} in {self.source})"


class Resolved:
    """The values that the sources give, and which source gave each."""

    __slots__ = ("origins", "unknown", "values")

    def __init__(self) -> None:
        self.values: dict[str, object] = {}
        self.origins: dict[str, str] = {}
        self.unknown: list[Unknown] = []


def read(kinds: Mapping[str, str]) -> Resolved:
    """Ask every source for the settings in `kinds` (name → type as text); the first one wins.

    Raises:
        InvalidSetting: A value is not of its setting's type, a file is not TOML, or the profile
            that is asked for does not exist.
    """
    resolved = Resolved()
    for source, raw in _places():
        _take(resolved, kinds, source, raw)
    home = _home(resolved)
    profiles = _profiles_path(resolved, home)
    _take_profile(resolved, kinds, profiles)
    fallback = _environment(FALLBACK_PREFIX)
    for name, value in fallback.items():
        if name in kinds and name.startswith(FALLBACK_NAMES):
            _set(resolved, kinds, name, value, f"environment ({FALLBACK_PREFIX}{name.upper()})")
    return resolved


def read_places(kinds: Mapping[str, str]) -> Resolved:
    """Where the home directory and the profiles are, and nothing else of the settings."""
    only = {name: kinds[name] for name in ("home", "profiles_path")}
    resolved = Resolved()
    for source, raw in _places():
        _take(resolved, only, source, raw)
    _profiles_path(resolved, _home(resolved))
    return resolved


def stamp(profiles: str) -> tuple[object, ...]:
    """Changes when a source may say something else: what is compared before a copy is believed.

    Args:
        profiles: The file of profiles that was read.
    """
    told = tuple(
        item
        for item in os.environ.items()
        if item[0].startswith((PREFIX, FALLBACK_PREFIX)) and not item[0].startswith(_NO_SOURCE)
    )
    return told, *[_identity(path) for path in (*FILES, profiles)]


def _identity(path: str) -> tuple[int, ...] | None:
    try:
        found = os.stat(path)  # noqa: PTH116
    except OSError:
        return None
    return found.st_dev, found.st_ino, found.st_mtime_ns, found.st_size


def _places() -> Iterator[tuple[str, Mapping[str, object]]]:
    yield "environment", _environment(PREFIX)
    if os.path.isfile(".env"):  # noqa: PTH113  # pathlib is not loaded for this alone
        yield ".env", _names(environment_lines(_text(".env")))
    if os.path.isfile("headrace.toml"):  # noqa: PTH113
        yield "headrace.toml", load("headrace.settings.files:flat")("headrace.toml", ())
    if os.path.isfile("pyproject.toml") and "[tool.headrace" in _text("pyproject.toml"):  # noqa: PTH113
        path = ("tool", "headrace")
        yield "pyproject.toml", load("headrace.settings.files:flat")("pyproject.toml", path)


def _environment(prefix: str) -> dict[str, object]:
    size = len(prefix)
    return {k[size:].lower(): v for k, v in os.environ.items() if k.startswith(prefix)}


def _names(values: Mapping[str, str]) -> dict[str, object]:
    return {k[len(PREFIX) :].lower(): v for k, v in values.items() if k.startswith(PREFIX)}


def _text(path: str) -> str:
    with open(path, encoding="utf-8", errors="replace") as file:  # noqa: PTH123
        return file.read()


def _take(
    resolved: Resolved, kinds: Mapping[str, str], source: str, raw: Mapping[str, object]
) -> None:
    for name, value in raw.items():
        if name in kinds:
            _set(resolved, kinds, name, value, source)
        elif not name.startswith(("_", *OUTSIDE)) and name not in NOT_SETTINGS:
            resolved.unknown.append(Unknown(name, source))


def _set(
    resolved: Resolved, kinds: Mapping[str, str], name: str, value: object, source: str
) -> None:
    if name in resolved.values:
        return
    try:
        resolved.values[name] = parse(kinds[name], value)
    except ValueError as error:
        shown = "a secret value" if "key" in name or "auth" in name else repr(value)
        message = f"{PREFIX}{name.upper()} is {shown} in {source}; it must be {error}"
        raise InvalidSetting(message) from None
    resolved.origins[name] = source


def _home(resolved: Resolved) -> str:
    values = resolved.values
    values.setdefault("home", parse("Path", HOME))
    home = str(values["home"])
    values.setdefault("results_local_storage_path", parse("Path", os.path.join(home, "storage")))  # noqa: PTH118
    return home


def _profiles_path(resolved: Resolved, home: str) -> str:
    default = os.path.join(home, "profiles.toml")  # noqa: PTH118
    resolved.values.setdefault("profiles_path", parse("Path", default))
    return expanded(str(resolved.values["profiles_path"]))


def _take_profile(resolved: Resolved, kinds: Mapping[str, str], path: str) -> None:
    wanted = os.environ.get(f"{PREFIX}PROFILE")
    if not os.path.isfile(path):  # noqa: PTH113
        if wanted:
            message = f"HEADRACE_PROFILE names the profile {wanted!r}, and {path} does not exist"
            raise InvalidSetting(message)
        return
    name, values = load("headrace.settings.files:active_profile")(path, wanted)
    for forbidden in ("home", "profiles_path"):
        if forbidden in values:
            setting = f"{PREFIX}{forbidden.upper()}"
            message = f"{setting} cannot be set in a profile ({name!r}): it decides where they are"
            raise InvalidSetting(message)
    _take(resolved, kinds, f"profile {name!r}", values)
