"""What git says about a directory that is deployed from."""

import subprocess
from pathlib import Path

from headrace.deployments.project.repository import read_repository


def git(place: Path, *arguments: str) -> None:
    who = ("-c", "user.name=a", "-c", "user.email=a@example.com")
    subprocess.run(["git", *who, *arguments], cwd=place, check=True, capture_output=True)


def test_bytecode_is_no_change(tmp_path: Path):
    """Importing a flow leaves some beside it; a new file or a changed one is told, from any directory."""
    flows = tmp_path / "flows"
    (flows / "__pycache__").mkdir(parents=True)
    (flows / "etl.py").write_text("x = 1\n")
    git(tmp_path, "init", "--quiet")
    git(tmp_path, "add", "flows/etl.py")
    git(tmp_path, "commit", "--quiet", "-m", "first")
    (flows / "__pycache__" / "etl.pyc").write_bytes(b"")
    for place in (tmp_path, flows):
        found = read_repository(place)
        assert found is not None
        assert not found.has_uncommitted
    (tmp_path / "new.py").write_text("")
    found = read_repository(flows)
    assert found is not None
    assert found.has_uncommitted
