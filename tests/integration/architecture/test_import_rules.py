"""The import rules catch what they forbid: each is broken on purpose in a copy of the package."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]

# contract id -> (module to change, the import that breaks the rule)
VIOLATIONS = {
    "foundations": ("core/__init__.py", "import headrace.client"),
    "server": ("server/store/__init__.py", "import headrace.server.services.signals"),
    "server-knows-no-sdk": ("server/services/__init__.py", "import headrace.flows"),
    "sdk-knows-no-server": ("engine/__init__.py", "import sqlalchemy"),
    "no-cycles": ("wire/logs.py", "import headrace.wire.claims"),
}
CYCLE_BACK = ("wire/claims.py", "import headrace.wire.logs")


def lint(package_root: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [
            *(sys.executable, "-c", "from importlinter.cli import lint_imports_command as c; c()"),
            *("--config", str(ROOT / "pyproject.toml"), "--no-cache", *arguments),
        ],
        check=False,
        env={**os.environ, "PYTHONPATH": str(package_root)},
        cwd=package_root,
        capture_output=True,
        text=True,
        timeout=60,
    )


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    shutil.copytree(ROOT / "src" / "headrace", tmp_path / "headrace")
    return tmp_path


def plant(package_root: Path, module: str, line: str) -> None:
    path = package_root / "headrace" / module
    path.write_text(f"{path.read_text()}\n{line}\n")


def test_the_package_keeps_every_rule(copy: Path) -> None:
    """As it stands, no rule is broken."""
    result = lint(copy)
    assert result.returncode == 0, result.stdout


@pytest.mark.parametrize("contract", VIOLATIONS)
def test_a_planted_violation_is_caught(copy: Path, contract: str) -> None:
    """One forbidden import is enough for the rule to fail."""
    plant(copy, *VIOLATIONS[contract])
    if contract == "no-cycles":
        plant(copy, *CYCLE_BACK)
    result = lint(copy, "--contract", contract)
    assert result.returncode == 1, result.stdout
    assert "BROKEN" in result.stdout
