"""Steps that run programs."""

import os
import shlex
import shutil
import string
import sys
from collections.abc import Mapping
from importlib.util import find_spec
from typing import Any, TypedDict

from headrace.deployments.steps.programs import Ended, run_program
from headrace.errors import StepExecutionError


class RunShellScriptResult(TypedDict):
    """What a script wrote, without the white space around it."""

    stdout: str
    stderr: str


def run_shell_script(  # noqa: PLR0917  # the contract's signature
    script: str,
    directory: str | None = None,
    env: dict[str, str] | None = None,
    stream_output: bool = True,
    expand_env_vars: bool = False,
    shell: bool = False,
) -> RunShellScriptResult:
    """Run commands, one a line, until one fails.

    Args:
        script: The commands. Without `shell` each line is a program and its arguments: no pipes.
        directory: Where they run; here if none is given.
        env: Variables beside those of this process.
        stream_output: Whether what they write is shown at once.
        expand_env_vars: Whether `$NAME` in the script stands for a variable's value.
        shell: Whether the system's shell runs the whole script.

    Raises:
        StepExecutionError: A command failed, or could not be started.
    """
    given = {name: str(value) for name, value in (env or {}).items()}
    if expand_env_vars:
        script = string.Template(script).safe_substitute({**os.environ, **given})
    written: list[Ended] = []
    for command in [script] if shell else _commands(script):
        what = command.strip() if isinstance(command, str) else shlex.join(command)
        try:
            ended = run_program(
                command, directory=directory, environment=given, stream_output=stream_output
            )
        except OSError as error:
            where = f" in {directory}" if directory else ""
            message = f"{what!r} cannot be started{where}: {error.strerror}: {error.filename}"
            raise StepExecutionError(message) from error
        written.append(ended)
        if ended.code:
            raise StepExecutionError(failure(what, ended))
    return {
        "stdout": "\n".join(one.out for one in written if one.out),
        "stderr": "\n".join(one.err for one in written if one.err),
    }


def failure(what: str, ended: Ended) -> str:
    """One sentence for a program that failed, with the last of what it said."""
    said = (ended.err or ended.out).splitlines()
    return f"{what!r} ended with code {ended.code}{': ' + ' '.join(said[-3:]) if said else ''}"


def _commands(script: str) -> list[list[str]]:
    commands: list[list[str]] = []
    for line in script.splitlines():
        try:
            words = shlex.split(line)
        except ValueError as error:
            message = f"the line {line!r} cannot be split into words: {error}"
            raise StepExecutionError(message) from None
        if words:
            commands.append(words)
    return commands


def pip_install_requirements(
    directory: str | None = None,
    requirements_file: str = "requirements.txt",
    stream_output: bool = True,
) -> Mapping[str, Any]:
    """Install a requirements file into the environment that runs this.

    Args:
        directory: Where the file is; here if none is given.
        requirements_file: Its name.
        stream_output: Whether pip's output is shown at once.

    Raises:
        StepExecutionError: It failed.
    """
    command = [*_installer(), "-r", requirements_file]
    return run_shell_script(shlex.join(command), directory, stream_output=stream_output)


def install(requirement: str) -> None:
    """Install one requirement into the environment that runs this.

    Raises:
        StepExecutionError: It failed.
    """
    run_shell_script(shlex.join([*_installer(), requirement]), stream_output=False)


def _installer() -> list[str]:
    """Pip, or uv in an environment that was made without pip."""
    if find_spec("pip") is not None:
        return [sys.executable, "-m", "pip", "install"]
    uv = shutil.which("uv")
    if uv is None:
        message = f"the environment of {sys.executable} has no pip, and uv is not on the path: install either"
        raise StepExecutionError(message)
    return [uv, "pip", "install", "--python", sys.executable]
