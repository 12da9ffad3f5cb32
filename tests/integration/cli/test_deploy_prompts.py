"""`headrace deploy` and `headrace init` at a real terminal: questions, answers, Ctrl-C."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pexpect
import pytest
from tests.integration.cli.conftest import SECONDS
from tests.terminals import ended, interrupt

Run = Callable[..., subprocess.CompletedProcess[str]]

FLOWS = """\
from headrace import flow


@flow
def greet(name: str = "you") -> str:
    return name


@flow(name="other")
def second() -> None: ...
"""


NEW: tuple[tuple[str, str], ...] = (
    ("Which flow", "1"),
    ("called", "d"),
    ("on a schedule", "y"),
    ("said when", "2"),
    ("When", "0 9 * * *"),
    ("time zone", "Europe/Berlin"),
    ("Another schedule", "n"),
    ("Which work pool", "{new}"),
    ("work pool called", "made-here"),
    ("runs the work", "process"),
    ("Write it to", "y"),
)
"""The questions for a new deployment, and their answers."""


@pytest.fixture
def project(tmp_path: Path, headrace: Run) -> Path:
    (tmp_path / "flows.py").write_text(FLOWS)
    done = headrace("work-pool", "create", "there", "--type", "process")
    assert done.returncode == 0 or "exists" in done.stderr
    return tmp_path


@pytest.fixture
def terminal(home: Path, url: str, project: Path) -> Callable[..., Any]:
    """Starts `headrace …` at a terminal of its own, in the project."""

    def start(*arguments: str) -> Any:
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("HEADRACE_", "PREFECT_"))}
        settings = {"HEADRACE_HOME": str(home), "HEADRACE_API_URL": url, "NO_COLOR": "1"}
        return pexpect.spawn(
            sys.executable,
            ["-m", "headrace.cli", *arguments],
            env=kept | settings,
            cwd=project,
            timeout=SECONDS,
            encoding="utf-8",
            dimensions=(50, 200),
        )

    return start


def state(headrace: Run) -> list[Any]:
    """All deployments and pools."""
    asked = [headrace(noun, "ls", "-o", "json") for noun in ("deployment", "work-pool")]
    return [json.loads(one.stdout or "[]") for one in asked]


def answer(program: Any, pools: int, upto: int) -> None:
    """Answer the first questions; the next one is then on the screen."""
    for question, reply in NEW[:upto]:
        program.expect(question)
        program.expect(r"(\]|\)|\?): ")
        program.sendline(reply.format(new=pools + 1))
    if upto < len(NEW):
        program.expect(NEW[upto][0])
        program.expect(r"(\]|\)|\?): ")


def test_a_new_deployment_is_asked_for_and_written_down(
    headrace: Run, terminal: Callable[..., Any], project: Path
) -> None:
    """Flow, name, schedule, pool; the pool is made; the file that is written deploys the same again."""
    pools = len(state(headrace)[1])
    program = terminal("deploy")
    answer(program, pools, len(NEW))
    assert ended(program) == 0, program.before
    inspected = headrace("deployment", "inspect", "greet/d", "-o", "json")
    found = json.loads(inspected.stdout)
    assert found["work_pool_name"] == "made-here"
    (schedule,) = found["schedules"]
    assert (schedule["schedule"]["cron"], schedule["schedule"]["timezone"]) == (
        "0 9 * * *",
        "Europe/Berlin",
    )
    program = terminal("deploy", "-n", "d")
    program.expect("Nothing changes")
    assert ended(program) == 0
    for name in ("greet/d",):
        headrace("deployment", "delete", name, "--yes")
    headrace("work-pool", "delete", "made-here", "--yes")


@pytest.mark.parametrize("question", range(len(NEW)), ids=[words for words, _ in NEW])
def test_ctrl_c_at_any_question_leaves_nothing(
    headrace: Run, terminal: Callable[..., Any], project: Path, question: int
) -> None:
    """No deployment, no pool and no file is made, and the exit code says that it was interrupted."""
    before, files = state(headrace), set(project.iterdir())
    program = terminal("deploy")
    answer(program, len(before[1]), question)
    assert interrupt(program) == 130, program.before
    assert state(headrace) == before
    assert {one for one in project.iterdir() if one.name != "__pycache__"} == files


def test_a_bad_answer_is_asked_again(terminal: Callable[..., Any], project: Path) -> None:
    """A name with a slash, a cron expression that is none: said, and asked again."""
    program = terminal("deploy", "flows.py:greet")
    program.expect("called")
    program.sendline("a/b")
    program.expect("must not be empty or have")
    program.expect("called")
    program.sendline("d")
    program.expect("on a schedule")
    program.sendline("y")
    program.expect("said when")
    program.sendline("2")
    program.expect("When")
    program.sendline("never")
    program.expect("is none")
    program.expect("When")
    assert interrupt(program) == 130


def test_flags_answer_every_question(headrace: Run, project: Path) -> None:
    """With all flags nothing is asked, also where there is no terminal; nothing hangs."""
    done = headrace("deploy", "flows.py:greet", "--no-save", cwd=project)
    assert done.returncode == 2
    assert "--name" in done.stderr
    told = ("--no-schedule", "--no-clone", "--save", "-p", "there")
    done = headrace("deploy", "flows.py:greet", "-n", "flags", *told, cwd=project)
    assert done.returncode == 0, done.stderr
    assert "flags" in (project / "headrace.yaml").read_text()
    headrace("deployment", "delete", "greet/flags", "--yes")


def test_init_asks_for_a_recipe_and_its_fields(terminal: Callable[..., Any], project: Path) -> None:
    """The file that is written can be deployed from; Ctrl-C before that leaves none."""
    program = terminal("init")
    program.expect("get the code from")
    program.sendline("2")
    program.expect("repository")
    assert interrupt(program) == 130
    assert not (project / "headrace.yaml").exists()
    program = terminal("init", "--recipe", "git", "-f", "repository=https://example.com/r.git")
    program.expect("branch")
    program.sendline("")
    assert ended(program) == 0
    text = (project / "headrace.yaml").read_text()
    assert "git_clone" in text
    assert "branch: main" in text
    assert (project / ".headraceignore").exists()
