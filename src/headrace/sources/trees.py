"""Trees: directories of code that are made once for one content and then shared by all runs here.

`HEADRACE_HOME/code/trees` has a directory for each content and a lock beside it. A tree is made aside
and renamed, so that it is there whole or not at all. Who uses one holds its lock, together with
others, for as long as its process lives; one that nobody holds and that was not used for
`KEPT_SECONDS` is deleted when the next is made.
"""

import contextlib
import os
import shutil
import stat
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from headrace.settings import settings
from headrace.sources.locks import hold, locked, locked_if_free

KEPT_SECONDS = 7 * 24 * 3600.0  # a week: a deployment that runs once a week still finds its tree
_LOCK = ".lock"
_WRITABLE = stat.S_IWUSR | stat.S_IWGRP | stat.S_IWOTH


def code_directory() -> Path:
    """Where this machine's copies of code lie."""
    return settings().home / "code"


def shared_tree(key: str, make: Callable[[Path], None]) -> Path:
    """The directory for a content, made now where it is missing; in use until this process ends.

    Args:
        key: Names the content: a hash of it, or of what it is taken from.
        make: Fills an empty directory. What it raises is raised, and nothing is left.
    """
    place = code_directory() / "trees" / key
    lock = place.with_name(key + _LOCK)
    hold_fresh(lock)
    if not place.is_dir():
        with locked(place.with_name(key + ".making")):
            if not place.is_dir():
                _make(place, make)
        discard_unused(place.parent, time.time() - KEPT_SECONDS)
    return place


def hold_fresh(lock: Path) -> None:
    """Hold a lock, and note when."""
    hold(lock)
    os.utime(lock)


def _make(place: Path, make: Callable[[Path], None]) -> None:
    aside = place.with_name(f".{place.name}.{os.getpid()}")
    discard(aside)
    aside.mkdir()
    try:
        make(aside)
        aside.replace(place)
    except BaseException:
        discard(aside)
        raise


def freeze(tree: Path) -> None:
    """Let nobody write to the files of a tree, or add one: other runs read them."""
    for path in _everything(tree):
        if not path.is_symlink():
            path.chmod(path.stat().st_mode & ~_WRITABLE)


def discard(tree: Path) -> None:
    """Delete a directory, also a frozen one, where it exists."""
    if not tree.is_dir():
        return
    for path in _everything(tree):
        if path.is_dir() and not path.is_symlink():
            path.chmod(path.stat().st_mode | stat.S_IRWXU)
    shutil.rmtree(tree)


def discard_unused(directory: Path, before: float) -> None:
    """Delete what nobody holds and nobody has used since `before`, seconds since the epoch."""
    for lock in list(directory.glob("*" + _LOCK)):
        with contextlib.suppress(OSError):  # another process deletes it, too
            if lock.stat().st_mtime >= before:
                continue
            with locked_if_free(lock) as is_free:
                if is_free and lock.stat().st_mtime < before:
                    discard(lock.with_name(lock.name.removesuffix(_LOCK)))
                    lock.unlink()


def _everything(tree: Path) -> Iterator[Path]:
    yield tree
    for folder, names, files in os.walk(tree):
        for name in (*names, *files):
            yield Path(folder, name)
