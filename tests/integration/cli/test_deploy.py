"""`headrace deploy` from files and from options, against a real server and a real worker."""

import contextlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.integration.cli.conftest import SECONDS

Run = Callable[..., subprocess.CompletedProcess[str]]

FLOWS = """\
from pathlib import Path

from headrace import flow
from headrace.deployments import run_deployment


@flow
def call() -> str:
    found = run_deployment("greet/here", parameters={{"name": "called"}}, tags=["part"])
    alone = run_deployment("greet/here", as_subflow=False, timeout=0, idempotency_key="alone")
    again = run_deployment("greet/here", as_subflow=False, timeout=0, idempotency_key="alone")
    assert alone.id == again.id
    return found.state_name


@flow
def greet(name: str = "you", n: int = 1) -> str:
    \"\"\"Says hello.\"\"\"
    Path("{out}").write_text(f"{{Path.cwd()}} {{name}} {{n}}")
    return name
"""

PROJECT = """\
deployments:
- name: here
  entrypoint: flows.py:greet
  parameters: {{n: 5}}
  tags: ["{{{{ $WHO }}}}"]
  schedules:
  - cron: 0 9 * * *
    slug: mornings
  work_pool: &pool
    name: pool
    job_variables:
      env: {{A: "1"}}
- name: cloned
  entrypoint: flows.py:greet
  version: "{{{{ said.stdout }}}}"
  build:
  - prefect.deployments.steps.run_shell_script:
      id: said
      script: echo v7
      stream_output: false
  pull:
  - prefect.deployments.steps.git_clone:
      id: clone
      repository: {repository}
      clone_directory_name: {clone}
  - prefect.deployments.steps.run_shell_script:
      script: touch pulled
      directory: "{{{{ clone.directory }}}}"
  work_pool: *pool
- name: calls
  entrypoint: flows.py:call
  work_pool: *pool
"""


def ok(done: subprocess.CompletedProcess[str]) -> str:
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with a deployment file, and a repository beside it."""
    place, repository = tmp_path / "project", tmp_path / "repository"
    for directory in (place, repository):
        directory.mkdir()
        (directory / "flows.py").write_text(FLOWS.format(out=tmp_path / "out"))
    git = ("git", "-c", "user.name=t", "-c", "user.email=t@t")
    for command in (["init", "-q"], ["add", "."], ["commit", "-qm", "first"]):
        subprocess.run([*git, *command], cwd=repository, check=True)
    text = PROJECT.format(repository=repository, clone=tmp_path / "clone")
    (place / "headrace.yaml").write_text(text)
    monkeypatch.chdir(place)
    return place


@pytest.fixture(scope="module")
def pool(headrace: Run) -> str:
    ok(headrace("work-pool", "create", "pool", "--type", "process"))
    return "pool"


@contextlib.contextmanager
def working(home: Path, url: str, pool: str) -> Iterator[None]:
    """A worker of the pool, until the block ends."""
    worker = subprocess.Popen(
        [sys.executable, "-m", "headrace.cli", "worker", "start", "--pool", pool],
        env={**os.environ, "HEADRACE_HOME": str(home), "HEADRACE_API_URL": url},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        yield
    finally:
        worker.send_signal(signal.SIGTERM)
        worker.wait(SECONDS)


def inspected(headrace: Run, name: str) -> dict[str, Any]:
    return json.loads(ok(headrace("deployment", "inspect", name, "-o", "json")))


def test_a_file_is_deployed_and_its_runs_pull(
    headrace: Run, home: Path, url: str, pool: str, project: Path
) -> None:
    """All deployments of a file; a worker runs one where the file is, and one from its repository."""
    ok(headrace("deploy", "--all", WHO="me"))
    here, cloned = (inspected(headrace, f"greet/{name}") for name in ("here", "cloned"))
    assert (here["tags"], here["parameters"]) == (["me"], {"n": 5})
    assert here["description"] == "Says hello."
    assert cloned["version"] == "v7"
    out = project.parent / "out"
    watched = ("--watch", "--watch-timeout", str(SECONDS))
    with working(home, url, pool):
        ok(headrace("deployment", "run", "greet/here", *watched))
        assert out.read_text() == f"{project} you 5"
        ok(headrace("deployment", "run", "greet/cloned", "--param", "name=x", *watched))
    assert out.read_text() == f"{project.parent / 'clone'} x 1"
    assert (project.parent / "clone" / "pulled").exists()


def test_a_flow_runs_a_deployment_and_waits_for_it(
    headrace: Run, home: Path, url: str, pool: str, project: Path
) -> None:
    """The run is a part of the flow's; one that is not waited for, and asked for twice, is one run."""
    ok(headrace("deploy", "--all", WHO="me"))
    with working(home, url, pool):
        watched = ("--watch", "--watch-timeout", str(SECONDS))
        ok(headrace("deployment", "run", "call/calls", *watched))
    runs = json.loads(
        ok(headrace("flow-run", "ls", "--flow-name", "greet", "--limit", "200", "-o", "json"))
    )
    (part,) = [one for one in runs if "part" in one["tags"]]
    assert part["state_name"] == "Completed"
    assert part["parent_task_run_id"] is not None
    (alone,) = [one for one in runs if one["idempotency_key"] == "alone"]
    assert alone["parent_task_run_id"] is None


def test_deploying_again_tells_what_changes_and_keeps_what_is_paused(
    headrace: Run, pool: str, project: Path
) -> None:
    """Changes are told before they are made; a paused schedule stays paused, planned runs stay."""
    deploy = ("deploy", "-n", "here")
    ok(headrace(*deploy, WHO="me"))
    before = inspected(headrace, "greet/here")["schedules"]
    ok(headrace("deployment", "schedule", "pause", "greet/here", before[0]["id"]))
    assert "Nothing changes" in ok(headrace(*deploy, WHO="me"))
    said = ok(headrace(*deploy, "--param", "n=7", "--cron", "1 1 * * *", WHO="you"))
    assert 'tags: ["me"] → ["you"]' in said
    assert "parameters.n: 5 → 7" in said
    assert "schedule cron 1 1 * * * is added" in said
    after = inspected(headrace, "greet/here")["schedules"]
    kept = [one for one in after if one["slug"] == "mornings"]
    assert [one["active"] for one in kept] == [False]
    assert len(after) == 2


def test_without_a_file_options_say_everything(headrace: Run, pool: str, project: Path) -> None:
    """Entrypoint, name and pool are enough; the code is where it was deployed from."""
    (project / "headrace.yaml").unlink()
    ok(headrace("deploy", "flows.py:greet", "-n", "alone", "-p", pool, "--interval", "60"))
    found = inspected(headrace, "greet/alone")
    (step,) = found["pull_steps"]
    assert list(step.values()) == [{"directory": str(project)}]
    assert found["schedules"][0]["schedule"]["interval"] == 60


def made(headrace: Run) -> list[dict[str, Any]]:
    """The deployments, less what their being polled changes."""
    found: list[dict[str, Any]] = json.loads(ok(headrace("deployment", "ls", "-o", "json")))
    return [
        {k: v for k, v in each.items() if k not in {"status", "last_polled", "updated"}}
        for each in found
    ]


@pytest.mark.parametrize(
    ("change", "arguments", "words"),
    [
        (("n: 5", "n: five"), ["--all"], ["line 4", "'n'", "integer"]),
        (("name: pool", "name: nowhere"), ["--all"], ["line 10", "nowhere", "work-pool create"]),
        (('A: "1"', "A: [1]"), ["--all"], ["line 12", "env"]),
        (("env: {A", "envv: {A"), ["--all"], ["envv", "it has:"]),
        (("cron: 0 9", "cron: 0 99"), ["--all"], ["line 7", "0 99 * * *"]),
        (("flows.py:greet", "flows.py:gone"), ["--all"], ["gone", "greet"]),
        (("name: here", "name: a/b"), ["--all"], ["a/b"]),
        (("tags: [", "tags: [[5], "), ["--all"], ["line 5", "tags"]),
        (("", ""), ["-n", "gone"], ["no deployment gone"]),
        (("", ""), ["--no-prompt"], ["--name", "here, cloned"]),
        (("", ""), ["-n", "cloned", "--job-variable", "env=5"], ["env"]),
        (("echo v7", "/bin/false"), ["-n", "cloned"], ["run_shell_script", "code 1"]),
        (
            ("run_shell_script:\n      id", "run_nothing:\n      id"),
            ["-n", "cloned"],
            ["run_nothing"],
        ),
        (("", ""), ["--headrace-file", "gone.yaml", "--all"], ["gone.yaml"]),
    ],
)
def test_what_is_wrong_is_named_and_nothing_is_made(
    headrace: Run,
    pool: str,
    project: Path,
    change: tuple[str, str],
    arguments: list[str],
    words: list[str],
) -> None:
    """One line says the field and where in the file it is; no deployment of the file was touched."""
    file = project / "headrace.yaml"
    file.write_text(file.read_text().replace(*change, 1))
    before = made(headrace)
    done = headrace("deploy", *arguments, WHO="me")
    assert done.returncode != 0
    assert "Traceback" not in done.stderr
    for word in words:
        assert word in done.stderr, done.stderr
    assert made(headrace) == before
