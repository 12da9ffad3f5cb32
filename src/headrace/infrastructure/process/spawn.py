"""The portable starter: a new interpreter or command for each attempt."""

import os
import subprocess
import threading
from pathlib import Path

from headrace.errors import InfrastructureError, InfrastructureUnavailable
from headrace.infrastructure.process.engines import engine_command
from headrace.infrastructure.process.identity import ProcessId, kill_group_of
from headrace.infrastructure.process.launches import Launch, Watch
from headrace.infrastructure.process.limited import limited_command


class SpawnStarter:
    """Starts processes with `subprocess`, and a thread each that waits for them."""

    def __init__(self) -> None:
        self._closed = False

    def start(self, launch: Launch, watch: Watch) -> None:
        """Start one.

        Raises:
            InfrastructureError: There is no such command, directory or user.
            InfrastructureUnavailable: The machine has no process or memory to give.
        """
        if self._closed:
            message = "this worker is closing and starts nothing more"
            raise InfrastructureUnavailable(message)
        process = self._open(launch)
        watch.started(launch.key, ProcessId.of(process.pid))
        threading.Thread(
            target=_wait, args=(process, launch.key, watch), name="process-wait", daemon=True
        ).start()

    def close(self) -> None:
        """Start nothing more."""
        self._closed = True

    def _open(self, launch: Launch) -> subprocess.Popen[bytes]:
        command = launch.command or engine_command(launch.sdk)
        if launch.limits:
            command = limited_command(launch.limits, launch.group, launch.slot, command)
        try:
            with Path(launch.output).open("ab") as output:
                return subprocess.Popen(  # noqa: S603  # the command is the deployment's own
                    command,
                    cwd=launch.working_dir,
                    env={**launch.environment, **launch.identity},
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,
                    user=launch.user,
                )
        except (FileNotFoundError, PermissionError, NotADirectoryError, KeyError) as error:
            message = f"the command {' '.join(command)!r} cannot be started: {error}"
            raise InfrastructureError(message) from None
        except OSError as error:
            message = f"no process can be made for {launch.key} now: {error}"
            raise InfrastructureUnavailable(message) from None


def _wait(process: subprocess.Popen[bytes], key: str, watch: Watch) -> None:
    if hasattr(os, "waitid"):
        # Seen but not reaped: the number stays the group's until what is left of it is ended.
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
        kill_group_of(process.pid)
    code = process.wait()
    watch.exited(key, code, reported=False)
