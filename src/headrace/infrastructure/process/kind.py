"""The process kind: every attempt is a process group on this machine."""

import contextlib
import os
import signal
import socket
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from headrace.infrastructure.contract import (
    NAME,
    Handle,
    Job,
    Notify,
    Phase,
    Status,
    Write,
)
from headrace.infrastructure.process.ends import GROUP, MEMORY, reason_of_end
from headrace.infrastructure.process.groups import group_of
from headrace.infrastructure.process.identity import (
    ProcessId,
    is_alive,
    kill_group,
    signal_leader,
)
from headrace.infrastructure.process.launches import Starter, plan_launch
from headrace.infrastructure.process.output import copy_new, last_lines

KIND = "process"


@dataclass(slots=True)
class _Attempt:
    handle: Handle
    output: Path
    status: Status
    process: ProcessId | None = None
    stop_at: float | None = None  # monotonic; a stop that came before the start, or that is running
    is_watched: bool = True  # somebody tells when it ends
    shown: int = 0  # bytes of its output that were shown


class ProcessInfrastructure:
    """Launches, watches and stops processes.

    Args:
        starter: What makes them: warm, or one interpreter each.
        directory: Where their outputs are kept while they run; made when missing.
        base: The environment that jobs start from; the worker's own when not given.
        groups: The control group that jobs with limits get groups of their own in; None where limits
            are kept for each process.

    Jobs that name no working directory run in the one that this process has now.
    """

    kind = KIND

    def __init__(
        self,
        starter: Starter,
        directory: Path,
        base: Mapping[str, str] | None = None,
        groups: Path | None = None,
    ) -> None:
        self._starter = starter
        self._directory = directory
        self._groups = groups
        self._home = str(Path.cwd())
        self.base = dict(os.environ if base is None else base)
        self._attempts: dict[str, _Attempt] = {}
        self._lock = threading.Lock()
        self._callbacks: list[Notify] = []
        directory.mkdir(parents=True, exist_ok=True)

    def notify(self, callback: Notify) -> None:
        """Also tell `callback` when an attempt starts or ends."""
        self._callbacks.append(callback)

    def launch(self, job: Job) -> Handle:
        """Start the attempt's process.

        Raises:
            InfrastructureError: The configuration cannot be used.
            InfrastructureUnavailable: No process can be made now.
        """
        launch = plan_launch(job, self.base, self._directory, self._home)
        details: dict[str, str | int] = {"output": str(launch.output)}
        if launch.limits and self._groups is not None:
            launch = replace(launch, group=group_of(self._groups, launch.key))
            details[GROUP] = launch.group
        if launch.limits.memory is not None:
            details[MEMORY] = launch.limits.memory
        handle = job.handle(KIND, details)
        with self._lock:
            self._attempts[launch.key] = _Attempt(handle, launch.output, Status(Phase.STARTING))
        try:
            self._starter.start(launch, self)
        except BaseException:
            with self._lock:
                self._attempts.pop(launch.key, None)
            raise
        return handle

    def take_over(self, handle: Handle, process: ProcessId, *, is_watched: bool) -> Handle:
        """Watch and stop a live attempt that this object did not launch; its fuller handle.

        Args:
            handle: The attempt.
            process: Its process.
            is_watched: Whether a starter will tell when it ends; else `poll` looks.
        """
        full = handle.extended(_details(process))
        with self._lock:
            self._attempts[_key(handle)] = _Attempt(
                full, self.output_of(handle), Status(Phase.RUNNING), process, is_watched=is_watched
            )
        return full

    def poll(self, handle: Handle) -> Status:
        """How the attempt is: as its starter told, else as the machine shows."""
        with self._lock:
            attempt = self._attempts.get(_key(handle))
        if attempt is None:
            process = _process_of(handle)
            if process is not None and is_alive(process):
                return Status(Phase.RUNNING)
            return self.ended(handle, None, reported=False)
        if attempt.stop_at is not None:
            self._enforce(attempt)
        if not attempt.is_watched and attempt.process and not is_alive(attempt.process):
            self.exited(_key(handle), None, reported=False)
        return attempt.status

    def stop(self, handle: Handle, grace: float) -> None:
        """SIGTERM to the process, SIGKILL to its whole group when `grace` seconds are over.

        The time is kept by whoever calls `poll`, as the worker's loop does.
        """
        with self._lock:
            attempt = self._attempts.get(_key(handle))
        if attempt is None:
            process = _process_of(handle)
            if process is not None:
                kill_group(process)
            return
        already = attempt.stop_at is not None
        due = time.monotonic() + grace
        attempt.stop_at = due if attempt.stop_at is None else min(due, attempt.stop_at)
        if attempt.process is not None and not already and grace > 0:
            _ask_to_end(attempt.process)
        self._enforce(attempt)

    def logs(self, handle: Handle) -> list[str]:
        """The last lines of the attempt's output."""
        return last_lines(self.output_of(handle))

    def show(self, handle: Handle, write: Write, *, is_over: bool) -> None:
        """Write what is new in the attempt's output."""
        with self._lock:
            attempt = self._attempts.get(_key(handle))
        shown = attempt.shown if attempt else 0
        shown = copy_new(self.output_of(handle), shown, write, is_over=is_over)
        if attempt is not None:
            attempt.shown = shown

    def output_of(self, handle: Handle) -> Path:
        """The file that holds the attempt's output until it is released."""
        return Path(str(handle.details.get("output") or self._directory / f"{_key(handle)}.log"))

    def ended(self, handle: Handle, code: int | None, *, reported: bool) -> Status:
        """How an attempt is whose process group is gone."""
        reason = reason_of_end(handle, code, [] if reported else self.logs(handle))
        return Status(Phase.EXITED, code=code, reason=reason, proven=True, reported=reported)

    def release(self, handle: Handle) -> None:
        """Forget an ended attempt and remove its output."""
        with self._lock:
            attempt = self._attempts.pop(_key(handle), None)
        path = attempt.output if attempt else self.output_of(handle)
        with contextlib.suppress(OSError):
            path.unlink()

    def close(self) -> None:
        """Start nothing more."""
        self._starter.close()

    # What the starter tells.

    def started(self, key: str, process: ProcessId) -> None:
        """The attempt's process runs."""
        with self._lock:
            attempt = self._attempts.get(key)
            if attempt is None:
                return
            handle = attempt.handle.extended(_details(process))
            attempt.handle, attempt.process = handle, process
            attempt.status = Status(Phase.RUNNING)
        if attempt.stop_at is not None:
            _ask_to_end(process)
            self._enforce(attempt)
        self._tell(attempt.handle, attempt.status)

    def exited(self, key: str, code: int | None, *, reported: bool) -> None:
        """The attempt's process group is gone."""
        with self._lock:
            attempt = self._attempts.get(key)
        if attempt is not None:
            self._end(key, self.ended(attempt.handle, code, reported=reported))

    def not_started(self, key: str, why: str) -> None:
        """The attempt will never have a process."""
        self._end(key, Status(Phase.EXITED, reason=why, proven=True, never_ran=True))

    def _end(self, key: str, status: Status) -> None:
        with self._lock:
            attempt = self._attempts.get(key)
            if attempt is None or attempt.status.exited:
                return
            attempt.status = status
        self._tell(attempt.handle, status)

    def _tell(self, handle: Handle, status: Status) -> None:
        for callback in self._callbacks:
            callback(handle, status)

    def _enforce(self, attempt: _Attempt) -> None:
        due = attempt.stop_at
        if attempt.process is not None and due is not None and time.monotonic() >= due:
            kill_group(attempt.process)


def _ask_to_end(process: ProcessId) -> None:
    number = getattr(signal, "SIGTERM", 15)
    if signal_leader(process, number) and hasattr(signal, "SIGCONT"):
        signal_leader(process, signal.SIGCONT)  # a stopped process takes no signal but this one


def _details(process: ProcessId) -> dict[str, str | int]:
    name = f"{socket.gethostname()}:{process.pid}"
    return {"pid": process.pid, "started": process.started, NAME: name}


def _key(handle: Handle) -> str:
    return f"{handle.run_id}.{handle.epoch}"


def _process_of(handle: Handle) -> ProcessId | None:
    pid, started = handle.details.get("pid"), handle.details.get("started", 0)
    return ProcessId(pid, int(started)) if isinstance(pid, int) else None
