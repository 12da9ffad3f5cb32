"""What runs a flow on this machine: the engine of the SDK that its deployment was made with."""

import sys
from importlib.util import find_spec
from pathlib import Path
from types import MappingProxyType
from typing import Final

from headrace.core.sdks import Sdk
from headrace.errors import InfrastructureError

MODULES: Final = MappingProxyType(
    {Sdk.HEADRACE: "headrace.engine.execute", Sdk.PREFECT: "prefect.engine"}
)
"""Executed with `python -m`, these run the flow run that `…__FLOW_RUN_ID` names."""

# Files of a directory that may hold settings of the other SDK, and what they then have in them.
_SETTINGS_FILES: Final = (
    ("prefect.toml", ""),
    ("pyproject.toml", "[tool.prefect"),
    (".env", "PREFECT_"),
)


def engine_command(sdk: Sdk) -> tuple[str, ...]:
    """What runs a flow in an interpreter of its own."""
    return (sys.executable, "-m", MODULES[sdk])


def require_engine(sdk: Sdk) -> None:
    """Raises `InfrastructureError` where the SDK is not installed beside this worker."""
    found = find_spec(sdk)
    if found is None or found.origin is None:  # a mere folder of that name has no origin
        message = (
            f"the deployment was made with the {sdk} SDK, which is not installed in this worker's "
            f"environment ({sys.prefix}); install it there, or deploy with Headrace"
        )
        raise InfrastructureError(message)


def has_own_settings(sdk: Sdk, directory: Path) -> bool:
    """Whether a run in this directory reads settings that a warm interpreter has not.

    The other SDK reads its settings once, when it is imported.
    """
    return sdk is Sdk.PREFECT and any(
        _holds(directory / name, text) for name, text in _SETTINGS_FILES
    )


def _holds(path: Path, text: str) -> bool:
    try:
        return text in path.read_text("utf-8", "replace")
    except OSError:
        return False
