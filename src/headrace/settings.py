"""Settings: one flat, frozen object, read from the environment and the files around it.

A setting's name is its environment name without `HEADRACE_`, in lower case: `HEADRACE_API_URL` is
`settings().api_url`. Importing this module reads nothing.
"""

import os
from dataclasses import dataclass
from functools import cache
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Settings:
    """What this process was configured with."""

    home: Path = Path("~/.headrace")
    api_url: str | None = None
    api_key: str | None = None
    api_auth_string: str | None = None
    api_request_timeout: float = 60.0  # seconds


@cache
def settings() -> Settings:
    """The settings of this process, read once. Tests and `temporary_settings` clear the cache."""
    return Settings(
        home=Path(os.environ.get("HEADRACE_HOME", "~/.headrace")).expanduser(),
        api_url=os.environ.get("HEADRACE_API_URL"),
        api_key=os.environ.get("HEADRACE_API_KEY"),
        api_auth_string=os.environ.get("HEADRACE_API_AUTH_STRING"),
    )
