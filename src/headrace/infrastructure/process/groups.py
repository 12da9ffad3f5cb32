"""Control groups (version 2) of Linux: one for each job that has limits, under the worker's own.

A service manager gives a program a part of the tree for itself (`Delegate=yes`). A group that has groups
below it may hold no processes, so the worker moves into one of them.
"""

import contextlib
import os
from pathlib import Path
from typing import Final

_MOUNTED: Final = Path("/sys/fs/cgroup")
_OWN: Final = Path("/proc/self/cgroup")
_WORKER: Final = "worker"
_JOB: Final = "job-"
_NEEDED: Final = frozenset({"cpu", "memory"})
_PERIOD: Final = (
    100_000  # microseconds over which processor time is counted, the kernel's own default
)
_MEBIBYTE: Final = 2**20


def take_groups(mounted: Path = _MOUNTED, own: Path = _OWN) -> Path | None:
    """The group that this process may make groups in; None where it has none for itself alone.

    Args:
        mounted: Where the tree is.
        own: Where the system says which group this process is in.
    """
    try:
        lines = own.read_text("utf-8").splitlines()
        place = next((line[3:] for line in lines if line.startswith("0::/")), "/").lstrip("/")
        if not place:
            return None  # the machine's or the container's first group is not for us to divide
        # A worker before this one, or one that started us, has divided the group already.
        root = mounted / place
        root = root.parent if root.name == _WORKER else root
        if not set((root / "cgroup.controllers").read_text("ascii").split()) >= _NEEDED:
            return None
        return root if _divide(root) else None
    except OSError:
        return None


def _divide(root: Path) -> bool:
    """Move this process down, and have limits kept for the groups of jobs."""
    control = root / "cgroup.subtree_control"
    if set(control.read_text("ascii").split()) >= _NEEDED:
        return True
    here = str(os.getpid())
    members = set((root / "cgroup.procs").read_text("ascii").split())
    if not members <= {here}:
        return False  # others are in it, who would have to move too
    below = root / _WORKER
    below.mkdir(exist_ok=True)
    if members:
        (below / "cgroup.procs").write_text(here)
    try:
        control.write_text("+cpu +memory")
    except OSError:
        if members:
            (root / "cgroup.procs").write_text(here)
            below.rmdir()
        raise
    return True


def group_of(root: Path, key: str) -> str:
    """The path of a job's group.

    Args:
        root: The worker's group.
        key: Names the attempt.
    """
    return str(root / f"{_JOB}{key}")


def enter_group(path: str, memory: int | None, processors: float | None) -> bool:
    """Make a job's group and move this process into it; whether that could be done.

    Args:
        path: The group.
        memory: MiB that all of its processes together may have.
        processors: How many they may use, also parts of one.
    """
    group = Path(path)
    try:
        group.mkdir(exist_ok=True)
        if memory is not None:
            (group / "memory.max").write_text(str(memory * _MEBIBYTE))
            _write_where_it_is(
                group / "memory.swap.max", "0"
            )  # a limit, not a detour over the disk
            _write_where_it_is(group / "memory.oom.group", "1")  # none is left alone by the others
        if processors is not None:
            microseconds = max(1_000, round(processors * _PERIOD))  # the kernel takes no less
            (group / "cpu.max").write_text(f"{microseconds} {_PERIOD}")
        (group / "cgroup.procs").write_text(str(os.getpid()))
    except OSError:
        with contextlib.suppress(OSError):
            group.rmdir()
        return False
    return True


def _write_where_it_is(path: Path, text: str) -> None:
    with contextlib.suppress(FileNotFoundError):
        path.write_text(text)


def leave_group(path: str) -> bool:
    """Remove the group of a job that has ended; whether the kernel ended it for want of memory."""
    group = Path(path)
    events: dict[str, str] = {}
    with contextlib.suppress(OSError, ValueError):
        text = (group / "memory.events").read_text("ascii")
        events = dict(line.split() for line in text.splitlines())
    with contextlib.suppress(OSError):
        group.rmdir()
    return int(events.get("oom_kill", "0")) > 0
