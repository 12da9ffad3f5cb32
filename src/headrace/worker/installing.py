"""Installs what a kind of infrastructure needs, if the person who starts the worker wants that."""

import importlib
import shutil
import subprocess
import sys
from collections.abc import Callable
from enum import StrEnum

from headrace.errors import InfrastructureError
from headrace.infrastructure.kinds import KindSpec
from headrace.infrastructure.registry import missing_modules

_PATIENCE = 600.0  # seconds for an installer: a slow mirror and a large vendor's package


class InstallPolicy(StrEnum):
    """When a worker installs what its kind needs."""

    ALWAYS = "always"
    """Also what is there, to bring it up to date."""
    IF_NOT_PRESENT = "if-not-present"
    NEVER = "never"
    PROMPT = "prompt"
    """It asks; where there is no terminal to ask on, never."""


def install_missing(spec: KindSpec, policy: InstallPolicy, say: Callable[[str], None]) -> None:
    """Install what the kind needs, as the policy has it.

    Args:
        spec: The kind.
        policy: What is wanted.
        say: Where messages to people go.

    Raises:
        InfrastructureError: The installer failed.
    """
    missing = missing_modules(spec)
    if not spec.requirement or not (missing or policy is InstallPolicy.ALWAYS):
        return
    if policy is InstallPolicy.NEVER or (policy is InstallPolicy.PROMPT and not _agrees(spec)):
        return  # making the infrastructure says what is missing
    upgrade = ("--upgrade",) if policy is InstallPolicy.ALWAYS else ()
    say(f"Installing {spec.requirement} for jobs of type {spec.name} …")
    _install(spec.requirement, *upgrade)


def _agrees(spec: KindSpec) -> bool:
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        return False
    question = f"Jobs of type {spec.name} need {spec.requirement}. Install it now? [y/N] "
    return input(question).strip().lower() in {"y", "yes"}


def _install(requirement: str, *options: str) -> None:
    uv = shutil.which("uv")
    installer = (
        [uv, "pip", "install", "--python", sys.executable]
        if uv
        else [sys.executable, "-m", "pip", "install"]
    )
    command = [*installer, *options, requirement]
    try:
        done = subprocess.run(  # noqa: S603  # the requirement is of an installed package's own entry
            command,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=_PATIENCE,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        message = f"{requirement} could not be installed: {error}"
        raise InfrastructureError(message) from None
    if done.returncode != 0:
        said = done.stdout.decode("utf-8", "replace").strip().splitlines()
        last = said[-1] if said else f"exit code {done.returncode}"
        message = f"{requirement} could not be installed by {' '.join(command)!r}: {last}"
        raise InfrastructureError(message)
    importlib.invalidate_caches()
