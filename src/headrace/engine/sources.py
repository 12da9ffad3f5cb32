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

GIT_CLONE = frozenset(name.replace("set_working_directory", "git_clone") for name in SET_DIRECTORY)
"""The same for the step that most other deployments have."""

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
    elif all(_is_plain(step, is_alone=len(steps) == 1) for step in steps):
        for step in steps:  # most deployments: what runs other steps need not be loaded
            ((name, inputs),) = step.items()
            _change_directory(str(_take_plain(name, inputs, run)["directory"]))
    else:
        _run(steps, run)


def _take_plain(name: str, inputs: dict[str, Any], run: Run) -> dict[str, Any]:
    if name == FETCH_BUNDLE:
        return fetch_bundle(**inputs)
    if name in SET_DIRECTORY:
        return inputs
    _enter_scratch(run)
    flow_logger.info("Cloning %s", inputs.get("repository"), extra=run.ids)
    return load(HEAVY["git_clone"])(**inputs)


def _enter_scratch(run: Run) -> None:
    """Leave the working directory to other runs, which may want another revision of the code."""
    due = run.flow_run.expected_start_time
    load(HEAVY["enter_scratch"])(due.timestamp() if due is not None else None)


def _run(steps: list[dict[str, Any]], run: Run) -> None:
    def tell(line: str) -> None:
        flow_logger.info(line, extra=run.ids)

    if any(name.rpartition(".")[2] in _FETCHING for step in steps for name in step):
        _enter_scratch(run)
    outputs = late("run_pull_steps")(steps, print_function=tell)
    if outputs.get("directory"):
        _change_directory(str(outputs["directory"]))


def _is_plain(step: dict[str, Any], *, is_alone: bool) -> bool:
    if len(step) != 1 or has_placeholders(step):
        return False
    ((name, inputs),) = step.items()
    if not isinstance(inputs, dict):
        return False
    inputs = cast("dict[str, Any]", inputs)
    if name in SET_DIRECTORY:
        return "directory" in inputs
    if name in GIT_CLONE:  # steps after it have paths that are relative to where it clones
        return is_alone and not {"id", "requires"} & inputs.keys()
    return name == FETCH_BUNDLE


def _change_directory(text: str) -> None:
    directory = Path(text).expanduser()
    if not directory.is_dir():
        message = (
            f"The deployment's code is at {directory}, which is no directory on this machine. "
            "Deploy from here, or give the deployment a pull step that fetches the code."
        )
        raise ConfigurationError(message)
    os.chdir(directory)
