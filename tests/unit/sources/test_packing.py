"""What belongs to a project's code, and archives of it."""

import gzip
import io
import os
import tarfile
from pathlib import Path

import pytest

from headrace.errors import CodeUnavailable
from headrace.sources import archives, packing
from headrace.sources.packing import find_files, pack_directory


def write(root: Path, **files: str) -> Path:
    for name, text in files.items():
        path = root / name.replace("__", "/").replace("_py", ".py")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


def names(root: Path) -> set[str]:
    return {path.relative_to(root).as_posix() for path in find_files(root)}


def test_ignore_files_of_every_directory_are_heard_and_the_innermost_wins(tmp_path: Path):
    """`.headraceignore` goes over `.gitignore`, and a directory's own file over those above it."""
    write(tmp_path, flow_py="", data__big="x", data__kept="x", sub__flow_py="", sub__data__x="")
    (tmp_path / ".gitignore").write_text("data/*\n*.log\n")
    (tmp_path / ".headraceignore").write_text("!data/kept\n")
    (tmp_path / "sub" / ".gitignore").write_text("flow.py\n")
    (tmp_path / "a.log").write_text("")
    found = names(tmp_path) - {".gitignore", ".headraceignore", "sub/.gitignore"}
    assert found == {"flow.py", "data/kept", "sub/data/x"}


def test_environments_caches_and_secrets_are_left_out_unasked(tmp_path: Path):
    """Nothing of a repository's own, of an interpreter's, and no `.env`."""
    write(tmp_path, flow_py="")
    for name in (".git/HEAD", ".venv/lib/x.py", "__pycache__/a.pyc", "node_modules/a.js", ".env"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("x")
    assert names(tmp_path) == {"flow.py"}


def test_the_same_files_make_the_same_bundle_wherever_and_whenever(tmp_path: Path):
    """Times, owners and the place of the directory are no part of it; content and x-bits are."""
    first = write(tmp_path / "a", flow_py="x", pkg__mod_py="y")
    second = write(tmp_path / "b", pkg__mod_py="y", flow_py="x")
    os.utime(second / "flow.py", (1, 1))
    assert pack_directory(first) == pack_directory(second)
    (second / "flow.py").chmod(0o755)
    assert pack_directory(first).sha256 != pack_directory(second).sha256


def test_what_is_unpacked_is_what_was_packed(tmp_path: Path):
    """Content, x-bits and links survive the way."""
    root = write(tmp_path / "a", flow_py="x", run_sh="#!/bin/sh")
    (root / "run_sh").chmod(0o755)
    (root / "link").symlink_to("flow.py")
    place = tmp_path / "b"
    place.mkdir()
    archives.unpack(pack_directory(root).content, place)
    assert (place / "flow.py").read_text() == "x"
    assert os.access(place / "run_sh", os.X_OK)
    assert (place / "link").readlink() == Path("flow.py")


def test_a_link_to_a_file_outside_is_packed_as_that_file(tmp_path: Path):
    """The worker has nothing that the link could point to."""
    (tmp_path / "shared.py").write_text("outside")
    root = write(tmp_path / "a", flow_py="x")
    (root / "shared.py").symlink_to("../shared.py")
    place = tmp_path / "b"
    place.mkdir()
    archives.unpack(pack_directory(root).content, place)
    assert not (place / "shared.py").is_symlink()
    assert (place / "shared.py").read_text() == "outside"


def test_a_link_to_a_directory_outside_is_named(tmp_path: Path):
    """It cannot be packed, and the message says what to do."""
    root = write(tmp_path / "a", flow_py="x")
    (tmp_path / "elsewhere").mkdir()
    (root / "lib").symlink_to("../elsewhere")
    with pytest.raises(CodeUnavailable, match=r"lib links to .*elsewhere.*\.headraceignore"):
        pack_directory(root)


def test_a_directory_with_too_much_in_it_names_the_largest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """An environment or data that nobody left out is noticed before it is uploaded."""
    monkeypatch.setattr(packing, "MOST_FILES", 3)
    root = write(tmp_path, flow_py="", data__a="xx", data__b="xx", data__c="xx")
    with pytest.raises(CodeUnavailable, match=r"over 3 files.*largest are data"):
        pack_directory(root)


def test_nobody_s_home_is_a_project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """A deployment made in a session's first directory uploads nothing of it."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    write(tmp_path, flow_py="")
    with pytest.raises(CodeUnavailable, match="no project's directory"):
        pack_directory(tmp_path)


def test_an_archive_cannot_write_outside_of_its_place(tmp_path: Path):
    """A name that climbs out is refused, as is what is no archive at all."""
    raw = io.BytesIO()
    with tarfile.open(fileobj=raw, mode="w:gz") as archive:
        entry = tarfile.TarInfo("../evil")
        archive.addfile(entry, io.BytesIO(b""))
    place = tmp_path / "b"
    place.mkdir()
    for content in (raw.getvalue(), b"no archive", gzip.compress(b"x" * 2000)):
        with pytest.raises(CodeUnavailable, match="cannot be unpacked"):
            archives.unpack(content, place)
    assert not (tmp_path / "evil").exists()
