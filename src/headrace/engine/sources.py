"""Bringing a deployment's code to this process: its pull steps, and its path."""

import os
from pathlib import Path
from typing import Any, cast

from headrace._bindings import HEAVY, late, load
from headrace.core.placeholders import has_placeholders
from headrace.engine.proposals import Run
from headrace.engine.reporting import flow_logger
from headrace.errors import ConfigurationError
from headrace.sources.bundles import FETCH_BUNDLE, fetch_bundle
from headrace.wire.deployments import DeploymentResponse

SET_DIRECTORY = frozenset(
    f"{product}.deployments.steps.{module}set_working_directory"
    for product in ("prefect", "headrace")
    for module in ("", "pull.")
)
"""The names that deployments made by either SDK use for this step."""

_FETCHING = frozenset(
    (
        "git_clone",
        "pull_from_remote_storage",
        "pull_with_block",
        "pull_from_s3",
        "pull_from_gcs",
        "pull_from_azure_blob_storage",
    )
)
"""The last parts of names of steps that bring code into the working directory."""


def enter_source(deployment: DeploymentResponse, run: Run) -> None:
    """Make the deployment's code directory the working directory, after fetching the code.

    Raises:
        StepExecutionError: A pull step failed.
        CodeUnavailable: The code cannot be fetched.
        ConfigurationError: A directory does not exist on this machine.
    """
    steps = deployment.pull_steps or []
    if not steps and deployment.path:
        _change_directory(deployment.path)
    elif all(_is_plain(step) for step in steps):
        for step in steps:  # most deployments: what runs other steps need not be loaded
            ((name, inputs),) = step.items()
            found = fetch_bundle(str(inputs["sha256"])) if name == FETCH_BUNDLE else inputs
            _change_directory(str(found["directory"]))
    else:
        _run(steps, run)


def _run(steps: list[dict[str, Any]], run: Run) -> None:
    def tell(line: str) -> None:
        flow_logger.info(line, extra=run.ids)

    if any(name.rpartition(".")[2] in _FETCHING for step in steps for name in step):
        # other runs have the same working directory, and may want another revision of the code
        due = run.flow_run.expected_start_time
        load(HEAVY["enter_scratch"])(due.timestamp() if due is not None else None)
    outputs = late("run_pull_steps")(steps, print_function=tell)
    if outputs.get("directory"):
        _change_directory(str(outputs["directory"]))


def _is_plain(step: dict[str, Any]) -> bool:
    if len(step) != 1 or has_placeholders(step):
        return False
    ((name, inputs),) = step.items()
    if not isinstance(inputs, dict):
        return False
    inputs = cast("dict[str, Any]", inputs)
    return (name in SET_DIRECTORY and "directory" in inputs) or (
        name == FETCH_BUNDLE and len(inputs) == 1 and "sha256" in inputs
    )


def _change_directory(text: str) -> None:
    directory = Path(text).expanduser()
    if not directory.is_dir():
        message = (
            f"The deployment's code is at {directory}, which is no directory on this machine. "
            "Deploy from here, or give the deployment a pull step that fetches the code."
        )
        raise ConfigurationError(message)
    os.chdir(directory)
