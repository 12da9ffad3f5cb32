"""A run's own directory for code that it brings, and the moment for which code is new enough.

The directory is held by a lock for as long as its process lives, and deleted at its end; what a killed
process left is deleted by the next.
"""

import atexit
import os
import time
from pathlib import Path
from uuid import uuid4

from headrace.sources.locks import hold
from headrace.sources.trees import code_directory, discard, discard_unused

SETTLED_SECONDS = 60.0  # after which a lock that nobody holds was left, rather than not taken yet


class _Run:
    since: float | None = None  # seconds since the epoch


def needed_since() -> float:
    """What was seen of a source since then is new enough for this process' run."""
    return time.time() if _Run.since is None else _Run.since


def enter_scratch(since: float | None = None) -> Path:
    """Make an empty directory of this process's own the working directory.

    Args:
        since: When the code came to be needed, seconds since the epoch: the moment that its run was due.
    """
    _Run.since = since
    directory = code_directory() / "runs"
    directory.mkdir(parents=True, exist_ok=True)
    discard_unused(directory, time.time() - SETTLED_SECONDS)
    place = directory / f"{os.getpid()}-{uuid4().hex[:8]}"
    lock = place.with_name(f"{place.name}.lock")
    hold(lock)
    place.mkdir()
    os.chdir(place)
    atexit.register(_leave, place, lock, os.getpid())
    return place


def _leave(place: Path, lock: Path, owner: int) -> None:
    if os.getpid() == owner:  # not a child that the flow forked
        discard(place)
        lock.unlink(missing_ok=True)
