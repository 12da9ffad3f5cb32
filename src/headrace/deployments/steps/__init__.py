"""Steps: what is done before a deployment is made (build, push) and before its runs start (pull)."""

from headrace.deployments.steps.core import StepExecutionError, run_step, run_steps
from headrace.deployments.steps.pull import (
    fetch_bundle,
    git_clone,
    pull_from_remote_storage,
    pull_with_block,
    set_working_directory,
)
from headrace.deployments.steps.utility import pip_install_requirements, run_shell_script

__all__ = [
    "StepExecutionError",
    "fetch_bundle",
    "git_clone",
    "pip_install_requirements",
    "pull_from_remote_storage",
    "pull_with_block",
    "run_shell_script",
    "run_step",
    "run_steps",
    "set_working_directory",
]
