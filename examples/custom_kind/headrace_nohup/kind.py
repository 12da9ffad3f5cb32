"""The kind itself: a folder for each attempt, with its process, its output and its exit code."""

import contextlib
import os
import shlex
import signal
import subprocess
import time
from pathlib import Path

from headrace.errors import InfrastructureError
from headrace.infrastructure.containers import COMMANDS
from headrace.infrastructure.contract import NAME, Handle, Job, Phase, Status
from headrace.infrastructure.exits import describe_exit
from headrace.infrastructure.kinds import KindContext

NEVER = Status(Phase.EXITED, reason="was never started", proven=True, never_ran=True)
GONE = Status(Phase.EXITED, reason="ended, and nobody saw how", proven=True)


class NohupInfrastructure:
    """Launches, watches and stops what `nohup` runs.

    Args:
        directory: Where the attempts' folders are.
    """

    kind = "nohup"

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._due: dict[Path, float] = {}  # when what was asked to end is killed, monotonic seconds

    def launch(self, job: Job) -> Handle:
        handle = job.handle(self.kind, {NAME: f"nohup:{job.run_id}.{job.epoch}"})
        folder = self._folder(handle)
        try:
            folder.mkdir(parents=True)
        except FileExistsError:
            return handle  # launched before
        command = job.configuration.get("command") or shlex.join(COMMANDS[job.sdk])
        environment = job.configuration.get("env") or {}
        if not isinstance(environment, dict):
            raise InfrastructureError(f"the job's 'env' is {environment!r}; give names and values")
        # The shell writes its number before the job begins and the code when it has ended.
        script = f"echo $$ > pid.new && mv pid.new pid; ( {command} ) > output 2>&1; echo $? > code"
        program = subprocess.Popen(
            ["nohup", "sh", "-c", script],
            cwd=folder,
            env={**os.environ, **job.settings, **environment, **job.environment},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        (folder / "asked").write_text(str(program.pid))
        return handle

    def poll(self, handle: Handle) -> Status:
        folder = self._folder(handle)
        if not folder.exists():
            return NEVER
        code = _number(folder / "code")
        if code is not None:
            return Status(Phase.EXITED, code=code, reason=describe_exit(code), proven=True)
        pid = _number(folder / "pid") or _number(folder / "asked")
        if pid is None or not _is_alive(pid):
            return GONE if _number(folder / "code") is None else self.poll(handle)
        if time.monotonic() >= self._due.get(folder, float("inf")):
            _signal(pid, signal.SIGKILL)
        return Status(Phase.RUNNING)

    def stop(self, handle: Handle, grace: float) -> None:
        folder = self._folder(handle)
        self._due[folder] = min(self._due.get(folder, float("inf")), time.monotonic() + grace)
        pid = _number(folder / "pid") or _number(folder / "asked")
        if pid is not None:
            _signal(pid, signal.SIGTERM if grace > 0 else signal.SIGKILL)

    def logs(self, handle: Handle) -> list[str]:
        with contextlib.suppress(OSError):
            return (
                (self._folder(handle) / "output").read_text("utf-8", "replace").splitlines()[-20:]
            )
        return []

    def _folder(self, handle: Handle) -> Path:
        return self._directory / f"{handle.run_id}.{handle.epoch}"


def make_nohup(context: KindContext) -> NohupInfrastructure:
    return NohupInfrastructure(context.directory / "nohup")


def _number(path: Path) -> int | None:
    with contextlib.suppress(OSError, ValueError):
        return int(path.read_text())
    return None


def _is_alive(pid: int) -> bool:
    with contextlib.suppress(ChildProcessError):
        os.waitpid(pid, os.WNOHANG)  # where it is this process's own child
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, 0)
        return True
    return False


def _signal(pid: int, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(pid, number)
