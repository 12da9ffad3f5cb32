"""Ctrl-C at the prompts that the tutorials meet. The tutorials themselves are walked in tests/docs.

The questions of `headrace deploy` for a process pool are interrupted in the tests of that command.
"""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pexpect
import pytest
from tests.docs.blocks import blocks_of, commands_of
from tests.docs.session import TYPED, words
from tests.integration.conftest import PLAIN, LiveServer
from tests.terminals import interrupt

from headrace.server.config import ServerConfig

pytestmark = [pytest.mark.acceptance, pytest.mark.timeout(180)]

DOCKER_PAGE = Path(__file__).parents[2] / "docs" / "tutorials" / "docker-pool.md"
SECONDS = 90
NOUNS = ("deployments", "work_pools", "block_documents", "flows")


def wizard() -> list[tuple[str, str]]:
    """The questions of the Docker pool's page, each with its answer."""
    shown = next(
        command.shown
        for block in blocks_of(DOCKER_PAGE)
        if block.language == "console"
        for command in commands_of(block)
        if command.text == "headrace deploy"
    )
    lines = [line.removesuffix(TYPED) for line in shown if line.endswith(TYPED)]
    return [(asked, typed.strip()) for asked, _, typed in (line.rpartition(": ") for line in lines)]


QUESTIONS = wizard()
FIRST_OF_DOCKER = next(i for i, (asked, _) in enumerate(QUESTIONS) if "runs the work" in asked)


class Reader:
    """A project and a server of its own, and a terminal."""

    def __init__(self, server: LiveServer, place: Path) -> None:
        self.server = server
        self.place = place
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("HEADRACE_", "PREFECT_"))}
        url = f"http://127.0.0.1:{server.port}/api"
        self.environment = kept | {
            "HEADRACE_HOME": str(place.parent / "home"),
            "HEADRACE_API_URL": url,
            "DOCKER_HOST": "unix:///nowhere/docker.sock",  # whoever asks an engine fails
        }

    def terminal(self, *arguments: str) -> Any:
        return pexpect.spawn(
            sys.executable,
            ["-m", "headrace.cli", *arguments],
            env=self.environment,
            cwd=self.place,
            timeout=SECONDS,
            encoding="utf-8",
            dimensions=(50, 200),
        )

    def run(self, *arguments: str) -> None:
        subprocess.run(
            [sys.executable, "-m", "headrace.cli", *arguments],
            env=self.environment,
            cwd=self.place,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=SECONDS,
            check=True,
        )

    def made(self) -> list[Any]:
        """All that a command could have left: on the server and in the project."""
        kept = [
            [one["id"] for one in self.server.post(f"/{noun}/filter", {}).json] for noun in NOUNS
        ]
        files = sorted(p.name for p in self.place.iterdir() if p.name != "__pycache__")
        return [kept, files]


@pytest.fixture
def reader(tmp_path: Path) -> Iterator[Reader]:
    server = LiveServer(f"sqlite:///{tmp_path / 'headrace.db'}", ServerConfig(**PLAIN)).start()
    place = tmp_path / "project"
    place.mkdir()
    flows = next(b for b in blocks_of(DOCKER_PAGE) if b.title == "reports.py")
    (place / "reports.py").write_text(flows.text)
    yield Reader(server, place)
    server.stop()


@pytest.mark.parametrize(
    "question",
    range(FIRST_OF_DOCKER, len(QUESTIONS)),
    ids=[asked[:24] for asked, _ in QUESTIONS[FIRST_OF_DOCKER:]],
)
def test_ctrl_c_at_a_question_about_images_leaves_nothing(reader: Reader, question: int) -> None:
    """No pool, no deployment, no flow, no file; the engine is not even asked."""
    before = reader.made()
    program = reader.terminal("deploy")
    for asked, typed in QUESTIONS[:question]:
        program.expect(words(asked))
        program.expect_exact(": ")
        program.sendline(typed)
    program.expect(words(QUESTIONS[question][0]))
    program.expect_exact(": ")
    assert interrupt(program) == 130, program.before
    assert reader.made() == before


def nothing(_: Reader) -> None:
    """There is all that is needed."""


def a_deployment(reader: Reader) -> None:
    reader.run("work-pool", "create", "pool", "--type", "process")
    reader.run("deploy", "reports.py:report", "-n", "d", "-p", "pool", "--no-schedule")


@pytest.mark.parametrize(
    ("prepare", "command"),
    [
        (nothing, "work-pool create mine"),
        (nothing, "block create secret --name token"),
        (nothing, "init"),
        (a_deployment, "deployment delete report/d"),
        (a_deployment, "work-pool delete pool"),
    ],
    ids=lambda value: value.replace(" ", "-") if isinstance(value, str) and len(value) > 2 else "",
)
def test_ctrl_c_at_a_prompt_changes_nothing(
    reader: Reader, prepare: Callable[[Reader], None], command: str
) -> None:
    """What would be made is not there, and what would be deleted still is."""
    prepare(reader)
    before = reader.made()
    program = reader.terminal(*command.split())
    program.expect_exact(": ")
    assert interrupt(program) == 130, program.before
    assert reader.made() == before
