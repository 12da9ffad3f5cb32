"""Bringing a deployment's code to this process: its pull steps, and its path."""

import os
from pathlib import Path
from typing import Any

from headrace.errors import ConfigurationError, NotImplementedYet
from headrace.wire.deployments import DeploymentResponse

SET_DIRECTORY = frozenset(
    f"{product}.deployments.steps.{module}set_working_directory"
    for product in ("prefect", "headrace")
    for module in ("", "pull.")
)
"""The names that deployments made by either SDK use for this step."""


def enter_source(deployment: DeploymentResponse) -> None:
    """Make the deployment's code directory the working directory.

    Raises:
        NotImplementedYet: A pull step is of a kind that this version cannot run.
        ConfigurationError: A directory does not exist on this machine.
    """
    for step in deployment.pull_steps or []:
        _run_step(step)
    if not deployment.pull_steps and deployment.path:
        _change_directory(deployment.path)


def _run_step(step: dict[str, Any]) -> None:
    for name, options in step.items():
        if name not in SET_DIRECTORY:
            message = f"Pull step {name!r} is not supported yet; set_working_directory is."
            raise NotImplementedYet(message)
        _change_directory(str(options["directory"]))


def _change_directory(text: str) -> None:
    directory = Path(text).expanduser()
    if not directory.is_dir():
        message = (
            f"The deployment's code is at {directory}, which is no directory on this machine. "
            "Deploy from here, or give the deployment a pull step that fetches the code."
        )
        raise ConfigurationError(message)
    os.chdir(directory)
