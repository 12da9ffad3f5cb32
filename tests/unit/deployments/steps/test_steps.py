"""Running steps: shell scripts, functions of others, outputs, failures."""

import sys
from pathlib import Path
from typing import Any

import pytest

from headrace.deployments.steps.core import run_step, run_steps
from headrace.deployments.steps.names import OURS
from headrace.errors import StepExecutionError

SHELL = "prefect.deployments.steps.run_shell_script"
MODULE = """\
async def later(value):
    return {"value": value * 2}

def nothing():
    return 5

def broken():
    raise ValueError("a reason")
"""


def shell(script: str, **inputs: Any) -> dict[str, Any]:
    return {SHELL: {"script": script, "stream_output": False, **inputs}}


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    (tmp_path / "steps_of_others.py").write_text(MODULE)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "steps_of_others", raising=False)
    return "steps_of_others"


def test_what_steps_come_to_is_there_for_later_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    """By a step's id, and by a value's own name; the environment too; what is unknown stays written."""
    monkeypatch.setenv("HERE", "here")
    told: list[str] = []
    outputs = run_steps(
        [
            shell("echo one\necho two\n", id="first"),
            shell(
                "echo '{{ first.stdout }}|{{ $HERE }}|{{ $NOT_SET }}|{{ none.such }}'", shell=True
            ),
        ],
        print_function=told.append,
    )
    assert outputs["first"] == {"stdout": "one\ntwo", "stderr": ""}
    assert outputs["stdout"] == "one\ntwo|here||{{ none.such }}"
    assert len(told) == 2


@pytest.mark.parametrize(
    ("script", "inputs", "out"),
    [
        ("echo a | cat", {}, "a | cat"),
        ("echo a | tr a b", {"shell": True}, "b"),
        ("echo $WHO", {"env": {"WHO": "me"}}, "$WHO"),
        ("echo $WHO", {"env": {"WHO": "me"}, "expand_env_vars": True}, "me"),
        ("", {}, ""),
        ("pwd", {"directory": "/"}, "/"),
        ("sh -c 'echo $NUMBER'", {"env": {"NUMBER": 5}}, "5"),
    ],
)
def test_scripts(script: str, inputs: dict[str, Any], out: str) -> None:
    """Line by line without a shell, or whole with one; variables are expanded when asked for."""
    assert run_step(shell(script, **inputs))["stdout"] == out


def test_functions_of_others(module: str) -> None:
    """A coroutine function is awaited; what is no mapping counts as nothing."""
    assert run_step({f"{module}.later": {"value": 4}}) == {"value": 8}
    assert run_step({f"{module}.nothing": None}) == {}


@pytest.mark.parametrize(
    ("step", "words"),
    [
        (shell("/bin/false"), ["run_shell_script", "'/bin/false' ended with code 1"]),
        (shell("sh -c 'echo why >&2; exit 3'"), ["code 3", "why"]),
        (shell("no-such-program x"), ["no-such-program", "cannot be started"]),
        (shell("echo 'open"), ["cannot be split"]),
        (shell("echo x", directory="/no/such"), ["/no/such"]),
        (shell("echo x", unknown=1), ["unknown"]),
        ({"no_such_package.step": {}}, ["no_such_package", "requires"]),
        ({"os.no_such_function": {}}, ["no_such_function"]),
        ({"alone": {}}, ["package.module.alone"]),
        ({SHELL: {}, "os.getcwd": {}}, ["the keys", "indent"]),
        ({}, ["none"]),
        ({SHELL: ["a"]}, ["no mapping"]),
        ({"steps_of_others.broken": {}}, ["ValueError: a reason"]),
    ],
)
@pytest.mark.usefixtures("module")
def test_a_step_that_fails_is_named_with_its_reason(step: dict[str, Any], words: list[str]) -> None:
    """One sentence: the step, what happened, and what the program or the code said."""
    with pytest.raises(StepExecutionError) as caught:
        run_step(step)
    for word in words:
        assert word in str(caught.value)


def test_names_of_the_contract_mean_ours() -> None:
    """Every place that a step is called by in files, those of its integrations too."""
    for name in ("prefect.deployments.steps.pull.git_clone", "prefect.deployments.steps.git_clone"):
        assert OURS[name] == OURS["headrace.deployments.steps.git_clone"]
    assert "prefect_docker.deployments.steps.build_docker_image" in OURS
    assert "prefect_aws.deployments.steps.push_to_s3" in OURS
