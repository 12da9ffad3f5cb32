"""What a kind of infrastructure needs is really installed, where that is wanted, into a venv of its own."""

import os
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

import headrace

PROGRAM = """
import importlib.metadata, sys
from headrace.errors import InfrastructureError
from headrace.infrastructure.kinds import KindSpec
from headrace.infrastructure.registry import make_infrastructure, missing_modules
from headrace.worker.installing import InstallPolicy, install_missing

spec = KindSpec("probe", {}, "probe_of_kinds:make", ("probe_of_kinds",), sys.argv[2])
try:
    install_missing(spec, InstallPolicy(sys.argv[1]), print)
    print("made", make_infrastructure(spec, None))
except InfrastructureError as error:
    sys.exit(f"refused: {error}")
"""


def build_wheel(directory: Path, version: str) -> None:
    """A wheel of one module, by hand: building one would fetch what builds it."""
    about = f"probe_of_kinds-{version}.dist-info"
    files = {
        "probe_of_kinds.py": f"def make(context):\n    return {version!r}\n",
        f"{about}/METADATA": f"Metadata-Version: 2.1\nName: probe-of-kinds\nVersion: {version}\n",
        f"{about}/WHEEL": "Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = "".join(f"{name},,\n" for name in [*files, f"{about}/RECORD"])
    with zipfile.ZipFile(directory / f"probe_of_kinds-{version}-py3-none-any.whl", "w") as wheel:
        for name, text in {**files, f"{about}/RECORD": record}.items():
            wheel.writestr(name, text)


Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Runs the program in a venv that has Headrace and, at first, nothing of the kind."""
    uv = shutil.which("uv")
    assert uv is not None, "the tests are run by uv"
    venv = tmp_path / "venv"
    subprocess.run([uv, "venv", "-q", "--python", sys.executable, str(venv)], check=True)
    [site] = venv.glob("lib/python*/site-packages")
    ours = [str(Path(headrace.__file__).parents[1]), *filter(_is_site, sys.path)]
    (site / "ours.pth").write_text("\n".join(ours))
    links = tmp_path / "links"
    links.mkdir()
    build_wheel(links, "1.0")
    environment = {
        **{k: v for k, v in os.environ.items() if not k.startswith(("UV_", "PIP_"))},
        "UV_FIND_LINKS": str(links),
        "UV_NO_INDEX": "1",
        "UV_CACHE_DIR": str(tmp_path / "cache"),
    }

    def go(policy: str, requirement: str = "probe-of-kinds") -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [str(venv / "bin" / "python"), "-c", PROGRAM, policy, requirement],
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=100,
            check=False,
        )

    return go


def _is_site(path: str) -> bool:
    return path.endswith("site-packages")


def test_what_is_missing_is_installed_once_and_brought_up_to_date_only_by_always(
    run: Run, tmp_path: Path
):
    first = run("if-not-present")
    assert first.returncode == 0, first.stderr
    assert first.stdout.splitlines() == [
        "Installing probe-of-kinds for jobs of type probe …",
        "made 1.0",
    ]
    build_wheel(tmp_path / "links", "2.0")
    assert run("if-not-present").stdout == "made 1.0\n"
    assert run("never").stdout == "made 1.0\n"
    assert run("always").stdout.splitlines()[-1] == "made 2.0"


@pytest.mark.parametrize("policy", ["never", "prompt"])
def test_without_leave_nothing_is_installed_and_a_line_says_what_to_install(run: Run, policy: str):
    """There is no terminal to ask on: prompt is then never."""
    for _ in range(2):
        done = run(policy)
        assert done.returncode != 0
        assert done.stdout == ""
        [line] = done.stderr.splitlines()
        assert "jobs of type 'probe' need probe_of_kinds" in line
        assert "pip install 'probe-of-kinds'" in line
        assert "--install-policy if-not-present" in line


def test_an_installer_that_fails_is_told_with_its_last_line(run: Run):
    done = run("if-not-present", "no-such-probe")
    assert done.returncode != 0
    assert "no-such-probe could not be installed" in done.stderr
    assert "refused:" in done.stderr
