"""Bringing a deployment's code to this process: its pull steps, and its path."""

import os
from pathlib import Path
from typing import Any

from headrace._bindings import late
from headrace.core.placeholders import has_placeholders
from headrace.engine.proposals import Run
from headrace.engine.reporting import flow_logger
from headrace.errors import ConfigurationError
from headrace.wire.deployments import DeploymentResponse

SET_DIRECTORY = frozenset(
    f"{product}.deployments.steps.{module}set_working_directory"
    for product in ("prefect", "headrace")
    for module in ("", "pull.")
)
"""The names that deployments made by either SDK use for this step."""


def enter_source(deployment: DeploymentResponse, run: Run) -> None:
    """Make the deployment's code directory the working directory, after fetching the code.

    Raises:
        StepExecutionError: A pull step failed.
        ConfigurationError: A directory does not exist on this machine.
    """
    steps = deployment.pull_steps or []
    if not steps and deployment.path:
        _change_directory(deployment.path)
    elif all(_is_plain_directory(step) for step in steps):
        for step in steps:  # most deployments: what runs other steps need not be loaded
            (inputs,) = step.values()
            _change_directory(str(inputs["directory"]))
    else:
        _run(steps, run)


def _run(steps: list[dict[str, Any]], run: Run) -> None:
    def tell(line: str) -> None:
        flow_logger.info(line, extra=run.ids)

    outputs = late("run_pull_steps")(steps, print_function=tell)
    if outputs.get("directory"):
        _change_directory(str(outputs["directory"]))


def _is_plain_directory(step: dict[str, Any]) -> bool:
    if len(step) != 1 or has_placeholders(step):
        return False
    ((name, inputs),) = step.items()
    return name in SET_DIRECTORY and isinstance(inputs, dict) and "directory" in inputs


def _change_directory(text: str) -> None:
    directory = Path(text).expanduser()
    if not directory.is_dir():
        message = (
            f"The deployment's code is at {directory}, which is no directory on this machine. "
            "Deploy from here, or give the deployment a pull step that fetches the code."
        )
        raise ConfigurationError(message)
    os.chdir(directory)
