"""Running a program for a step: its output shown as it comes, and returned."""

import os
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TextIO

READER_SECONDS = 5.0  # for output that is still in the pipe once the program has ended


@dataclass(frozen=True, slots=True)
class Ended:
    """How a program ended, and what it wrote."""

    code: int
    out: str
    err: str


def run_program(
    command: Sequence[str] | str,
    *,
    directory: str | None = None,
    environment: Mapping[str, str] | None = None,
    stream_output: bool = False,
    timeout: float | None = None,
) -> Ended:
    """Run a program to its end.

    It is ended when whoever waits for it is: by Ctrl-C, by a run's cancellation.

    Args:
        command: The program and its arguments; a text is run by the system's shell.
        directory: Where; here if none is given.
        environment: Variables beside this process's own.
        stream_output: Whether what it writes is shown at once.
        timeout: Seconds; None for ever, as a step's length is for its user to say.

    Raises:
        OSError: It cannot be started.
        TimeoutError: It ran too long, and was ended.
    """
    with subprocess.Popen(  # noqa: S603  # the steps of the user's own file
        command,
        shell=isinstance(command, str),
        cwd=Path(directory).expanduser() if directory else None,
        env={**os.environ, **(environment or {})},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        errors="replace",
    ) as process:
        outputs = [
            _Reader(process.stdout, sys.stdout if stream_output else None),
            _Reader(process.stderr, sys.stderr if stream_output else None),
        ]
        try:
            code = process.wait(timeout)
        except subprocess.TimeoutExpired:
            process.kill()
            message = f"{_first(command)} ran for more than {timeout:g} s"
            raise TimeoutError(message) from None
        except BaseException:
            process.terminate()
            raise
        out, err = (reader.text() for reader in outputs)
    return Ended(code, out, err)


def _first(command: Sequence[str] | str) -> str:
    return command if isinstance(command, str) else " ".join(command[:2])


class _Reader:
    """Reads one output of a program in a thread of its own, and repeats it to `echo`."""

    def __init__(self, source: IO[str] | None, echo: TextIO | None) -> None:
        assert source is not None, "it was asked for"
        self._lines: list[str] = []
        write: Callable[[str], object] | None = None if echo is None else echo.write
        self._thread = threading.Thread(
            target=self._read, args=(source, write), name="output of a step", daemon=True
        )
        self._thread.start()

    def _read(self, source: IO[str], write: Callable[[str], object] | None) -> None:
        for line in source:
            self._lines.append(line)
            if write is not None:
                write(line)

    def text(self) -> str:
        """What was written, without the white space around it."""
        self._thread.join(READER_SECONDS)
        return "".join(self._lines).strip()
