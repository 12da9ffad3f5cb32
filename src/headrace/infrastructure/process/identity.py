"""Which process is meant: a number is used again, a number with a start time is not."""

import contextlib
import os
import signal
import sys
from dataclasses import dataclass
from functools import cache
from pathlib import Path


@dataclass(frozen=True, slots=True)
class ProcessId:
    """A process of this machine.

    Args:
        pid: Its number, which is also its group's where the starter made it a group leader.
        started: When it started, in the kernel's clock ticks since boot; 0 where that is not known.
    """

    pid: int
    started: int = 0

    @classmethod
    def of(cls, pid: int) -> "ProcessId":
        """The process that has this number now."""
        return cls(pid, started_at(pid) or 0)


def started_at(pid: int) -> int | None:
    """The start time of a live or unreaped process in clock ticks; None when there is none."""
    fields = _stat(pid)
    if fields is None:
        return None
    return int(fields[19])  # field 22 of /proc/PID/stat, counted behind the command


def is_stopped(process: ProcessId) -> bool:
    """Whether the process is held by SIGSTOP or a debugger."""
    fields = _stat(process.pid)
    return fields is not None and fields[0] in {"T", "t"}


def is_alive(process: ProcessId) -> bool:
    """Whether exactly this process exists and has not ended (a zombie has ended)."""
    if process.pid <= 0:
        return False
    fields = _stat(process.pid)
    if fields is not None:
        return fields[0] not in {"Z", "X"} and process.started in {0, int(fields[19])}
    if sys.platform == "linux":
        return False
    try:
        os.kill(process.pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _stat(pid: int) -> list[str] | None:
    try:
        with Path(f"/proc/{pid}/stat").open("rb") as file:
            raw = file.read().decode("utf-8", "replace")
    except OSError:
        return None
    return raw.rpartition(")")[2].split()


def signal_leader(process: ProcessId, number: int) -> bool:
    """Send a signal to the process alone; False when it is not there."""
    if not is_alive(process):
        return False
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.kill(process.pid, number)
        return True
    return False


def kill_group(process: ProcessId) -> None:
    """End the process and all of its group at once, also what outlived its leader.

    While a group has members its number is given to no other process; so a number that is a process
    of another start time says that ours is gone, group and all.
    """
    found = started_at(process.pid) if process.pid > 0 else None
    if process.pid <= 0 or (found is not None and process.started not in {0, found}):
        return
    if found is not None:
        # It may not have made its group yet.
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(process.pid, getattr(signal, "SIGKILL", signal.SIGTERM))
    kill_group_of(process.pid)


def kill_group_of(leader: int) -> None:
    """End every process of a group whose leader is known to be ours, live or not yet reaped."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        if sys.platform != "win32":
            os.killpg(leader, signal.SIGKILL)


@cache
def boot_id() -> str:
    """What tells this boot of the machine from others; empty where the system has no such thing."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text("ascii").strip()
    except OSError:
        return ""
