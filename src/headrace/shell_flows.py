"""Shell commands as flows: what `headrace shell` runs and serves."""

import subprocess
import sys
import threading
from collections import deque
from collections.abc import Callable
from typing import IO

from headrace.errors import CommandFailed
from headrace.flows import flow
from headrace.logging import get_run_logger

LAST_LINES = 20  # of what a command wrote to standard error, told when it failed
STOP_SECONDS = 10.0  # what a command is given to end by itself


@flow(name="Shell Command")
def run_shell_command(
    command: str,
    log_output: bool = True,  # parameters of a flow
    stream_stdout: bool = False,  # as above
) -> None:
    """Run a command in the shell; the run fails where the command does.

    Args:
        command: What the shell executes.
        log_output: Put its lines into the run's log: standard output as INFO, errors as WARNING.
        stream_stdout: Pass its standard output on as well.

    Raises:
        CommandFailed: Its exit code was not 0.
    """
    logger = get_run_logger()
    errors: deque[str] = deque(maxlen=LAST_LINES)

    def on_output(line: str) -> None:
        if stream_stdout:
            sys.stdout.write(f"{line}\n")
            sys.stdout.flush()
        if log_output:
            logger.info("%s", line)

    def on_error(line: str) -> None:
        errors.append(line)
        if log_output:
            logger.warning("%s", line)

    process = subprocess.Popen(  # noqa: S602  # a shell is what was asked for
        command,
        shell=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        errors="replace",
    )
    try:
        with process:
            reader = threading.Thread(target=_read, args=(process.stderr, on_error), daemon=True)
            reader.start()
            _read(process.stdout, on_output)
            reader.join()
            code = process.wait()
    except BaseException:
        _end(process)
        raise
    if code != 0:
        said = f": {' / '.join(errors)}" if errors else ""
        message = f"the command ended with exit code {code}{said}"
        raise CommandFailed(message)


def _read(stream: IO[str] | None, tell: Callable[[str], None]) -> None:
    for line in stream or ():
        tell(line.rstrip("\n"))


def _end(process: subprocess.Popen[str]) -> None:
    process.terminate()
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
