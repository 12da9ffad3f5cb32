"""A server started by the CLI itself, and the CLI as a program against it."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

Run = Callable[..., subprocess.CompletedProcess[str]]
SECONDS = 60


def program(
    home: Path, *arguments: str, cwd: Path | None = None, **environment: str
) -> subprocess.CompletedProcess[str]:
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("HEADRACE_", "PREFECT_"))}
    return subprocess.run(
        [sys.executable, "-m", "headrace.cli", *arguments],
        env=kept | {"HEADRACE_HOME": str(home), "COLUMNS": "80"} | environment,
        cwd=cwd,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("home")


@pytest.fixture(scope="module")
def url(home: Path) -> Iterator[str]:
    """The address of a server of this module's own."""
    started = program(home, "server", "start", "--background", "--port", "0", "-o", "json")
    assert started.returncode == 0, started.stderr
    yield json.loads(started.stdout)["url"]
    stopped = program(home, "server", "stop")
    assert stopped.returncode == 0, stopped.stderr


@pytest.fixture(scope="module")
def headrace(home: Path, url: str) -> Run:
    """Runs `headrace …` against that server."""

    def run(
        *arguments: str, cwd: Path | None = None, **environment: str
    ) -> subprocess.CompletedProcess[str]:
        return program(home, *arguments, cwd=cwd, **({"HEADRACE_API_URL": url} | environment))

    return run
