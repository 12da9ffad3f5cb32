"""Settings: one flat, frozen object, read from the environment and the files around it.

A setting's name is its environment name without `HEADRACE_`, in lower case: `HEADRACE_API_URL` is
`settings().api_url`. The first source that has a value wins:

1. the environment, `HEADRACE_…`
2. `.env` in the working directory
3. `headrace.toml` in the working directory
4. `pyproject.toml` in the working directory, table `tool.headrace`
5. the active profile (`profiles.toml` in the home directory; `HEADRACE_PROFILE` names another)
6. the environment under the contract's `PREFECT_…` names, for client and worker settings only
7. the default

Importing this package reads nothing and costs nothing: the files' parsers are loaded only where a
file exists.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, cast

from headrace._bindings import load
from headrace.settings.declared import SECRETS, Settings
from headrace.settings.sources import Resolved, Unknown, read, read_places, stamp

if TYPE_CHECKING:
    from collections.abc import Generator
    from pathlib import Path

__all__ = [
    "Described",
    "Settings",
    "Unknown",
    "describe",
    "forget",
    "keep_or_forget",
    "profiles_path",
    "read_ahead",
    "settings",
    "temporary_settings",
    "unknown_settings",
]

MASK = "********"


class _Cache:
    """What this process has read, and what `temporary_settings` has put over it."""

    current: Settings | None = None
    stamp: tuple[object, ...] | None = None


def settings() -> Settings:
    """The settings of this process, read once.

    Raises:
        InvalidSetting: A value cannot be read; the message names setting, value and source.
    """
    if _Cache.current is None:
        _Cache.current = Settings(**_resolved().values)
    return _Cache.current


def profiles_path() -> Path:
    """The file of profiles, whatever the other settings are: a bad value in it can be mended by it.

    Raises:
        InvalidSetting: The home directory or the path itself cannot be read.
    """
    return cast("Path", read_places(Settings.kinds()).values["profiles_path"])


def forget() -> None:
    """Read the sources again at the next `settings()`: after a profile or a file was changed."""
    _Cache.current = None
    _Cache.stamp = None


def read_ahead() -> None:
    """Read the settings for the children that this process will fork."""
    forget()
    _Cache.stamp = stamp(str(settings().profiles_path))


def keep_or_forget() -> bool:
    """In a forked child: keep what was read ahead if the sources are still the same.

    Whether it was kept; else the settings are read at their first use.
    """
    current = _Cache.current
    if current is not None and _Cache.stamp == stamp(str(current.profiles_path)):
        return True
    forget()
    return False


@contextmanager
def temporary_settings(**changes: object) -> Generator[Settings]:
    """Put other values over the settings of this process for a while, in all its threads.

    Args:
        **changes: Values by setting name, already of the setting's type.

    Raises:
        InvalidSetting: A name is not a setting.
    """
    before = settings()
    _Cache.current = before.replace(**changes)
    try:
        yield _Cache.current
    finally:
        _Cache.current = before


class Described:
    """One setting: its name, its value as text, where the value came from.

    `without_effect` is the reason why a setting of the contract does nothing here, if it does.
    """

    __slots__ = ("is_secret", "name", "source", "value", "without_effect")

    def __init__(
        self,
        name: str,
        value: str | None,
        source: str,
        *,
        is_secret: bool,
        without_effect: str | None = None,
    ) -> None:
        self.without_effect = without_effect
        self.name = name
        self.value = value
        self.source = source
        self.is_secret = is_secret

    def __repr__(self) -> str:
        return f"Described({self.name}={self.value} from {self.source})"


def describe(*, show_secrets: bool = False) -> list[Described]:
    """Every setting with its value and source, by environment name; secrets are masked."""
    resolved = _resolved()
    without_effect = load("headrace.settings.unused:WITHOUT_EFFECT")
    found: list[Described] = []
    for name, value in Settings(**resolved.values).items():
        is_secret = name in SECRETS
        text = None if value is None else str(value)
        if is_secret and text and not show_secrets:
            text = MASK
        source = resolved.origins.get(name, "default")
        found.append(
            Described(
                f"HEADRACE_{name.upper()}",
                text,
                source,
                is_secret=is_secret,
                without_effect=without_effect.get(name),
            )
        )
    return found


def unknown_settings() -> list[Unknown]:
    """Names in the sources that are no setting: most often a typing error."""
    return _resolved().unknown


def _resolved() -> Resolved:
    return read(Settings.kinds())
