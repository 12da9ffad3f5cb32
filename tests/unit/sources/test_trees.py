"""Trees: made once, whole, shared while they are used, and deleted when nobody does."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from headrace.settings import temporary_settings
from headrace.sources.locks import locked_if_free
from headrace.sources.trees import discard, discard_unused, freeze, shared_tree


@pytest.fixture(autouse=True)
def home(tmp_path: Path) -> Iterator[Path]:
    with temporary_settings(home=tmp_path):
        yield tmp_path


def test_a_tree_is_made_once(home: Path):
    """The second who asks gets what the first had made."""
    made: list[Path] = []

    def make(place: Path) -> None:
        made.append(place)
        (place / "a").write_text("x")

    first, second = shared_tree("k", make), shared_tree("k", make)
    assert first == second
    assert (first / "a").read_text() == "x"
    assert len(made) == 1


def test_a_tree_that_could_not_be_made_leaves_nothing(home: Path):
    """The next who asks makes it anew."""

    def fail(place: Path) -> None:
        (place / "half").write_text("")
        raise OSError("no")

    with pytest.raises(OSError, match="no"):
        shared_tree("k", fail)
    assert not [path for path in (home / "code/trees").iterdir() if path.is_dir()]
    assert shared_tree("k", lambda place: None).is_dir()


def test_a_tree_that_is_in_use_is_not_deleted_however_old(home: Path):
    """Its user may be a process that runs for weeks."""
    code = (
        "import sys; from headrace.sources.trees import shared_tree\n"
        "shared_tree('k', lambda place: None); print(flush=True); sys.stdin.read()"
    )
    user = subprocess.Popen(
        [sys.executable, "-c", code],
        env={**os.environ, "HEADRACE_HOME": str(home)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert user.stdout is not None
    user.stdout.readline()
    trees = home / "code/trees"
    discard_unused(trees, time.time() + 60)
    assert (trees / "k").is_dir()
    user.communicate()
    discard_unused(trees, time.time() - 60)
    assert (trees / "k").is_dir(), "used a moment ago"
    discard_unused(trees, time.time() + 60)
    assert not (trees / "k").exists()
    assert not (trees / "k.lock").exists()


def test_a_frozen_tree_has_nothing_that_can_be_written_and_can_be_discarded(tmp_path: Path):
    """Neither files nor directories."""
    tree = tmp_path / "tree"
    (tree / "sub").mkdir(parents=True)
    (tree / "sub/file").write_text("")
    freeze(tree)
    assert all(not path.stat().st_mode & 0o222 for path in (tree, tree / "sub", tree / "sub/file"))
    discard(tree)
    assert not tree.exists()


def test_a_lock_is_free_again_when_its_holder_is_gone(tmp_path: Path):
    """Held by nobody, it is had; held by another, it is not."""
    path = tmp_path / "lock"
    with locked_if_free(path) as first, locked_if_free(path) as second:
        assert (first, second) == (True, False)
    with locked_if_free(path) as again:
        assert again
