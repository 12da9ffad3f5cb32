"""Kinds are found by the entry points of installed packages."""

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from headrace.errors import InfrastructureError
from headrace.infrastructure.kinds import KindContext
from headrace.infrastructure.registry import find_kind, known_kinds, make_infrastructure

MODULE = """
from headrace.infrastructure.kinds import KindSpec

KIND = KindSpec(name="paper", template={}, make="paper_kind:make")

def make(context):
    return context
"""


def install(directory: Path, name: str, entry: str, module: str = MODULE) -> None:
    """Lay out a distribution as an installer would."""
    info = directory / f"{name}-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(f"[headrace.infrastructure]\n{entry}\n")
    (directory / "paper_kind.py").write_text(module)


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A place on the path where distributions are."""
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "paper_kind", raising=False)
    return tmp_path


def test_the_process_kind_is_registered_as_any_other():
    assert "process" in known_kinds()
    assert find_kind("process").is_local


def test_a_kind_of_another_package_is_found_and_made(site: Path):
    install(site, "paper", "paper = paper_kind:KIND")
    assert "paper" in known_kinds()
    context = KindContext("owner", "worker", "pool", site)
    assert make_infrastructure(find_kind("paper"), context) is context


def test_an_unknown_kind_is_told_with_the_known_ones():
    with pytest.raises(InfrastructureError, match=r"no kind 'stone'.*it knows:.*process"):
        find_kind("stone")


def test_two_packages_with_one_kind_are_both_named(site: Path):
    install(site, "paper", "paper = paper_kind:KIND")
    install(site, "cardboard", "paper = paper_kind:OTHER")
    with pytest.raises(InfrastructureError, match="cardboard and paper both provide"):
        find_kind("paper")


@pytest.mark.parametrize(
    ("entry", "words"),
    [
        ("paper = no_such_module:KIND", "cannot be loaded"),
        ("paper = paper_kind:MISSING", "cannot be loaded"),
        ("paper = paper_kind:make", "must be a KindSpec"),
        ("stone = paper_kind:KIND", "must be a KindSpec named 'stone'"),
    ],
)
def test_what_is_no_kind_is_refused_by_name(site: Path, entry: str, words: str):
    install(site, "paper", entry)
    with pytest.raises(InfrastructureError, match=words):
        find_kind(entry.partition(" ")[0])


def test_a_missing_requirement_names_what_to_install(tmp_path: Path):
    spec = replace(find_kind("process"), modules=("no_such_module",), requirement="headrace[x]")
    with pytest.raises(InfrastructureError, match=r"pip install 'headrace\[x\]'"):
        make_infrastructure(spec, KindContext("o", "w", None, tmp_path))


def test_looking_at_kinds_loads_no_vendor_s_sdk():
    code = (
        "import sys, headrace.worker.start\n"
        "from headrace.infrastructure.registry import find_kind, known_kinds\n"
        "for name in known_kinds(): find_kind(name)\n"
        "print([m for m in ('docker', 'kubernetes') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, text=True)
    assert done.stdout.strip() == "[]"
