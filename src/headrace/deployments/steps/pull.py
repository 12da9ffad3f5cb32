"""Steps that bring a deployment's code to where its run is."""

import os
import re
from pathlib import Path
from typing import Any

from headrace.deployments.steps.programs import run_program
from headrace.deployments.steps.utility import failure
from headrace.errors import ConfigurationError, NotImplementedYet, StepExecutionError

CLONE_SECONDS = 600.0  # for a clone: a server that says nothing must not hold a run for ever
_NO_QUESTIONS = {"GIT_TERMINAL_PROMPT": "0", "GCM_INTERACTIVE": "never"}


def set_working_directory(directory: str) -> dict[str, str]:
    """Make a directory of this machine the working directory.

    Raises:
        StepExecutionError: It is none.
    """
    try:
        os.chdir(Path(directory).expanduser())
    except OSError as error:
        message = f"{directory} cannot be made the working directory: {error.strerror}"
        raise StepExecutionError(message) from error
    return {"directory": str(Path.cwd())}


def git_clone(  # noqa: PLR0917  # the contract's signature
    repository: str,
    branch: str | None = None,
    commit_sha: str | None = None,
    include_submodules: bool = False,
    access_token: str | None = None,
    credentials: Any = None,
    directories: list[str] | None = None,
    clone_directory_name: str | None = None,
) -> dict[str, str]:
    """Clone a repository into the working directory.

    Args:
        repository: Its address.
        branch: A branch or tag; the repository's own default when not given.
        commit_sha: A commit, instead of a branch.
        include_submodules: Whether its sub-modules are cloned too.
        access_token: Not yet.
        credentials: Not yet.
        directories: Only these directories of it.
        clone_directory_name: Where; named after repository and branch when not given.

    Returns:
        The clone's `directory`, which becomes the working directory of the flow.

    Raises:
        ConfigurationError: The arguments exclude each other.
        NotImplementedYet: A token or credentials are given.
        StepExecutionError: Git failed.
    """
    if branch and commit_sha:
        message = f"name a branch ({branch}) or a commit ({commit_sha}), not both"
        raise ConfigurationError(message)
    if access_token and credentials:
        message = "give an access token or credentials, not both"
        raise ConfigurationError(message)
    if access_token or credentials:
        message = "private repositories come later; let the machine's own git know the credentials"
        raise NotImplementedYet(message)
    name = clone_directory_name or _directory_name(repository, branch)
    if not Path(name).exists():
        options = [] if commit_sha else ["--depth", "1"]
        options += ["--branch", branch] if branch else []
        options += ["--recurse-submodules"] if include_submodules else []
        options += ["--sparse", "--filter=blob:none"] if directories else []
        _git("clone", *options, "--", repository, name)
        if directories:
            _git("-C", name, "sparse-checkout", "set", *directories)
        if commit_sha:
            _git("-C", name, "checkout", commit_sha)
    return {"directory": name}


def _directory_name(repository: str, branch: str | None) -> str:
    name = re.sub(r"\.git$", "", repository.rstrip("/").rpartition("/")[2])
    return f"{name}-{branch}".replace("/", "-") if branch else name


def _git(*arguments: str) -> None:
    command = ["git", *arguments]
    try:
        ended = run_program(command, environment=_NO_QUESTIONS, timeout=CLONE_SECONDS)
    except (OSError, TimeoutError) as error:
        message = f"git could not be used: {error}"
        raise StepExecutionError(message) from error
    if ended.code:
        raise StepExecutionError(failure(f"git {arguments[0]}", ended))


def pull_from_remote_storage(url: str, **settings: Any) -> dict[str, Any]:
    """Not yet: fetching code from storage that an address names.

    Raises:
        NotImplementedYet: Always.
    """
    del settings
    message = (
        f"code cannot be fetched from {url} yet; git_clone and set_working_directory can be used"
    )
    raise NotImplementedYet(message)


def pull_with_block(block_document_name: str, block_type_slug: str) -> dict[str, Any]:
    """Not yet: fetching code with a storage block.

    Raises:
        NotImplementedYet: Always.
    """
    message = f"code cannot be fetched with the block {block_type_slug}/{block_document_name} yet"
    raise NotImplementedYet(message)
