"""Groups of commands beside runs and pools, against a real server."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pexpect
import pytest
from tests.integration.cli.conftest import Run, program
from tests.integration.cli.test_commands import ok, refused


def test_limits_of_tags(headrace: Run) -> None:
    """Set, show, free and take away; an unknown one is refused by name."""
    ok(headrace("concurrency-limit", "create", "gpu", "2"))
    ok(headrace("concurrency-limit", "create", "gpu", "3"))
    shown = json.loads(ok(headrace("concurrency-limit", "inspect", "gpu", "-o", "json")))
    assert (shown["tag"], shown["concurrency_limit"]) == ("gpu", 3)
    assert "gpu" in ok(headrace("concurrency-limit", "ls"))
    ok(headrace("concurrency-limit", "reset", "gpu"))
    refused(headrace("concurrency-limit", "delete", "gpu"), "--yes")
    ok(headrace("concurrency-limit", "delete", "gpu", "--yes"))
    refused(headrace("concurrency-limit", "inspect", "gpu"), "gpu")


def test_limits_by_name(headrace: Run, tmp_path: Path) -> None:
    """Made, changed, switched off and on, written to a file, deleted."""
    group = "global-concurrency-limit"
    ok(headrace(group, "create", "db", "--limit", "4", "--slot-decay-per-second", "0.5"))
    refused(headrace(group, "create", "db", "--limit", "4"), "db")
    refused(headrace(group, "update", "db"), "what to change")
    ok(headrace(group, "update", "db", "--limit", "5"))
    ok(headrace(group, "disable", "db"))
    file = tmp_path / "db.json"
    ok(headrace(group, "inspect", "db", "--file", str(file)))
    written = json.loads(file.read_text())
    assert (written["limit"], written["active"]) == (5, False)
    assert written["slot_decay_per_second"] == 0.5
    ok(headrace(group, "enable", "db"))
    found = json.loads(ok(headrace(group, "ls", "-o", "json")))
    assert {each["name"]: each["active"] for each in found}["db"] is True
    ok(headrace(group, "delete", "db", "-y"))
    refused(headrace(group, "inspect", "db"), "db")


def test_artifacts(headrace: Run, url: str, home: Path) -> None:
    """The latest of each key is listed, all versions with --all; one version, or all, are deleted."""
    code = (
        "from headrace.artifacts import create_markdown_artifact as make\n"
        "for text in 'one', 'two': make(text, key='report')\n"
    )
    environment = {"HEADRACE_API_URL": url, "HEADRACE_HOME": str(home)}
    subprocess.run(
        [sys.executable, "-c", code], env=os.environ | environment, check=True, timeout=60
    )
    assert len(json.loads(ok(headrace("artifact", "ls", "-o", "json")))) == 1
    versions = json.loads(ok(headrace("artifact", "inspect", "report", "-o", "json")))
    assert [each["data"] for each in versions] == ["two", "one"]
    ok(headrace("artifact", "delete", "--id", versions[1]["id"], "--yes"))
    assert len(json.loads(ok(headrace("artifact", "ls", "--all", "-o", "json")))) == 1
    ok(headrace("artifact", "delete", "report", "--yes"))
    refused(headrace("artifact", "inspect", "report"), "report")


def test_blocks(headrace: Run, tmp_path: Path) -> None:
    """A type comes from a file; a block of it is made without a terminal, shown masked, deleted."""
    file = tmp_path / "kinds.py"
    file.write_text(
        "from pydantic import SecretStr\n"
        "from headrace.blocks.core import Block\n"
        "class Store(Block):\n    host: str\n    password: SecretStr\n"
    )
    ok(headrace("block", "register", "--file", str(file)))
    assert "store" in ok(headrace("block", "type", "ls"))
    assert "host" in ok(headrace("block", "type", "inspect", "store"))
    refused(headrace("block", "create", "store", "--name", "main"), "--field host=")
    refused(headrace("block", "create", "store", "-n", "a", "-f", "port=1"), "no field port")
    ok(headrace("block", "create", "store", "-n", "main", "-f", "host=db", "-f", "password=hush"))
    shown = ok(headrace("block", "inspect", "store/main"))
    assert "db" in shown
    assert "hush" not in shown
    assert "store/main" in ok(headrace("block", "ls"))
    ok(headrace("block", "delete", "store/main", "--yes"))
    ok(headrace("block", "type", "delete", "store", "--yes"))
    refused(headrace("block", "type", "inspect", "store"), "store")


def test_events_are_sent_and_streamed(headrace: Run, url: str, home: Path) -> None:
    """What is emitted reaches who streams; an event about nothing is refused."""
    refused(headrace("events", "emit", "lonely"), "--resource-id")
    streaming = subprocess.Popen(
        [sys.executable, "-m", "headrace.cli", "events", "stream", "--run-once"],
        env=os.environ | {"HEADRACE_HOME": str(home), "HEADRACE_API_URL": url},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert streaming.stderr is not None
        assert "Waiting for events" in streaming.stderr.readline()
        ok(
            headrace(
                "events", "emit", "dinner.ready", "--resource-id", "kitchen", "-p", '{"for":2}'
            )
        )
        out, _ = streaming.communicate(timeout=60)
    finally:
        streaming.kill()
    event = json.loads(out)
    assert (event["event"], event["payload"]) == ("dinner.ready", {"for": 2})
    assert event["resource"]["prefect.resource.id"] == "kitchen"


def test_a_stream_ends_with_ctrl_c(url: str, home: Path) -> None:
    """Ctrl-C ends it with one line and the exit code of an interruption."""
    streaming = subprocess.Popen(
        [sys.executable, "-m", "headrace.cli", "events", "stream"],
        env=os.environ | {"HEADRACE_HOME": str(home), "HEADRACE_API_URL": url},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert streaming.stderr is not None
        streaming.stderr.readline()
        streaming.send_signal(signal.SIGINT)
        _, said = streaming.communicate(timeout=60)
    finally:
        streaming.kill()
    assert streaming.returncode == 130
    assert said.strip() == "Error: interrupted"


def test_any_request(headrace: Run) -> None:
    """The answer is printed as JSON; a refusal is one line."""
    assert json.loads(ok(headrace("api", "GET", "/health"))) is True
    wanted = '{"flow_runs": {"name": {"any_": ["nobody"]}}}'
    assert json.loads(ok(headrace("api", "post", "flow_runs/count", "--data", wanted))) == 0
    refused(headrace("api", "GET", "/flows/nonsense"))
    refused(headrace("api", "POST", "/flows/", "--data", "{"), "no JSON")


def test_the_doctor_says_what_is_wrong(headrace: Run, tmp_path: Path) -> None:
    """Against a server all is well; without one it says so, with advice, and exits with 1."""
    findings = json.loads(ok(headrace("doctor", "-o", "json")))
    assert {f["about"] for f in findings} >= {"settings", "disk", "server", "database", "clock"}
    assert not [f for f in findings if f["grade"] == "bad"]
    lost = program(tmp_path, "doctor", HEADRACE_API_URL="http://127.0.0.1:9/api")
    assert lost.returncode == 1
    assert "✗ server" in lost.stdout
    assert "headrace server start" in lost.stdout


def test_a_shell_command_is_a_flow_run(headrace: Run) -> None:
    """Its lines are the run's logs; where it fails the run fails, and so does the command."""
    done = headrace("shell", "watch", "echo hello; echo careful >&2", "--flow-name", "Greeting")
    assert "hello" in ok(done).splitlines()
    [run] = json.loads(ok(headrace("flow-run", "ls", "--flow-name", "Greeting", "-o", "json")))
    assert run["state_name"] == "Completed"
    logs = json.loads(ok(headrace("flow-run", "logs", run["id"], "-o", "json")))
    assert {"hello", "careful"} <= {line["message"] for line in logs}
    broken = headrace("shell", "watch", "exit 3", "--flow-name", "Broken")
    assert broken.returncode == 1
    [run] = json.loads(ok(headrace("flow-run", "ls", "--flow-name", "Broken", "-o", "json")))
    assert run["state_name"] == "Failed"
    assert "exit code 3" in run["state"]["message"]


def test_a_run_that_ended_runs_again(headrace: Run, tmp_path: Path) -> None:
    """A run that no deployment made needs to be told where its flow is; then it runs here."""
    file = tmp_path / "twice.py"
    file.write_text(
        "from headrace import flow\n"
        "from pathlib import Path\n"
        f"MARK = Path({str(tmp_path / 'mark')!r})\n"
        "@flow(name='twice')\n"
        "def twice():\n"
        "    if not MARK.exists():\n        MARK.touch()\n        raise ValueError\n"
        "if __name__ == '__main__':\n    twice(return_state=True)\n"
    )
    url = json.loads(ok(headrace("server", "status", "-o", "json")))["url"]
    subprocess.run(
        [sys.executable, str(file)],
        env=os.environ | {"HEADRACE_API_URL": url},
        check=True,
        timeout=60,
    )
    [run] = json.loads(ok(headrace("flow-run", "ls", "--flow-name", "twice", "-o", "json")))
    assert run["state_name"] == "Failed"
    refused(headrace("flow-run", "retry", run["id"]), "--entrypoint")
    ok(headrace("flow-run", "retry", run["name"], "--entrypoint", f"{file}:twice"))
    again = json.loads(ok(headrace("flow-run", "inspect", run["id"], "-o", "json")))
    assert (again["state_name"], again["run_count"]) == ("Completed", 2)


def test_what_a_server_keeps_is_copied(headrace: Run, url: str, tmp_path: Path) -> None:
    """Pools, queues, variables, limits, blocks, deployments; a second time all is there already."""
    ok(headrace("work-pool", "create", "moved", "--type", "process"))
    ok(headrace("work-queue", "create", "fast", "--pool", "moved", "--priority", "1"))
    ok(headrace("variable", "set", "colour", "blue"))
    ok(headrace("concurrency-limit", "create", "moved-tag", "1"))
    ok(headrace("block", "create", "secret", "-n", "pass", "-f", "value=hush"))
    flow = json.loads(ok(headrace("api", "POST", "/flows/", "--data", '{"name":"moving"}')))
    body = {"name": "house", "flow_id": flow["id"], "work_pool_name": "moved"}
    schedule = {"schedule": {"cron": "0 4 * * *"}, "slug": "nightly"}
    ok(
        headrace(
            "api", "POST", "/deployments/", "--data", json.dumps(body | {"schedules": [schedule]})
        )
    )
    started = program(tmp_path, "server", "start", "--background", "--port", "0", "-o", "json")
    other = json.loads(started.stdout)["url"]
    try:
        for name, address in (("old", url), ("new", other)):
            ok(program(tmp_path, "profile", "create", name))
            ok(program(tmp_path, "-p", name, "config", "set", f"HEADRACE_API_URL={address}"))
        ok(program(tmp_path, "transfer", "--from", "old", "--to", "new"))
        there = {"HEADRACE_API_URL": other}
        queues = program(tmp_path, "work-queue", "ls", "--pool", "moved", "-o", "json", **there)
        assert {queue["name"] for queue in json.loads(ok(queues))} == {"default", "fast"}
        assert ok(program(tmp_path, "variable", "get", "colour", **there)).strip() == "blue"
        found = program(tmp_path, "deployment", "inspect", "moving/house", "-o", "json", **there)
        copied = json.loads(ok(found))
        assert copied["work_pool_name"] == "moved"
        assert copied["schedules"][0]["slug"] == "nightly"
        code = "from headrace.blocks.system import Secret; print(Secret.load('pass').get())"
        value = subprocess.run(
            [sys.executable, "-c", code],
            env=os.environ | there,
            capture_output=True,
            text=True,
            check=True,
            timeout=60,
        )
        assert value.stdout.strip() == "hush"
        again = ok(program(tmp_path, "transfer", "--from", "old", "--to", "new"))
        assert "0 copied" in again
        assert "0 not copied" in again
    finally:
        program(tmp_path, "server", "stop")
    refused(program(tmp_path, "transfer", "--from", "old", "--to", "old"), "same server")


def test_completion_scripts(headrace: Run) -> None:
    """The script of each shell names the program."""
    for shell in ("bash", "zsh", "fish"):
        assert "_HEADRACE_COMPLETE" in ok(headrace("completion", shell))


def test_a_run_s_job_is_told(headrace: Run) -> None:
    """Each value with who gave it, what does nothing, and a line for a run without a pool."""
    ok(headrace("work-pool", "create", "explained", "--type", "process"))
    flow = json.loads(ok(headrace("api", "POST", "/flows/", "--data", '{"name": "explained"}')))
    body = {
        "name": "d",
        "flow_id": flow["id"],
        "work_pool_name": "explained",
        "job_variables": {"env": {"GREETING": "hello"}, "working_dir": "/srv"},
    }
    made = json.loads(ok(headrace("api", "POST", "/deployments/", "--data", json.dumps(body))))
    path = f"/deployments/{made['id']}/create_flow_run"
    asked = json.dumps({"job_variables": {"env": {"DB_PASSWORD": "hidden"}}})
    run = json.loads(ok(headrace("api", "POST", path, "--data", asked)))["id"]
    shown = ok(headrace("flow-run", "job", run))
    lines = {line.split()[0]: line.split(None, 1)[1] for line in shown.splitlines()[1:]}
    assert lines["env.GREETING"].split() == ["hello", "deployment"]
    assert lines["env.DB_PASSWORD"].split() == ["********", "run"]
    assert lines["working_dir"].split() == ["/srv", "deployment"]
    assert lines["stream_output"].split() == ["yes", "pool", "default"]
    assert max(map(len, shown.splitlines())) <= 80
    whole = json.loads(ok(headrace("flow-run", "job", run, "-o", "json")))
    assert whole["work_pool_name"] == "explained"
    alone = json.dumps({"flow_id": flow["id"]})
    bare = json.loads(ok(headrace("api", "POST", "/flow_runs/", "--data", alone)))["id"]
    told = headrace("flow-run", "job", bare)
    assert told.returncode == 0
    assert "no work pool" in told.stderr
    refused(headrace("flow-run", "job", flow["id"]), "not found")


def test_the_doctor_says_where_a_key_goes(tmp_path: Path) -> None:
    """A server that wants one is no fault of the server's."""
    guarded = {"HEADRACE_SERVER_API_KEY": "secret"}
    started = program(
        tmp_path, "server", "start", "--background", "--port", "0", "-o", "json", **guarded
    )
    url = json.loads(ok(started))["url"]
    try:
        looked = program(tmp_path, "doctor", HEADRACE_API_URL=url)
        assert looked.returncode == 1
        assert "HEADRACE_API_KEY" in looked.stdout
        let_in = program(tmp_path, "doctor", HEADRACE_API_URL=url, HEADRACE_API_KEY="secret")
        assert "HEADRACE_API_KEY" not in ok(let_in)
    finally:
        program(tmp_path, "server", "stop")


@pytest.mark.parametrize(
    ("settings", "is_coloured"),
    [({}, True), ({"NO_COLOR": "1"}, False), ({"HEADRACE_CLI_COLORS": "false"}, False)],
    ids=["plain", "convention", "setting"],
)
def test_colours_at_a_terminal_may_be_left_out(
    tmp_path: Path, settings: dict[str, str], is_coloured: bool
) -> None:
    """By the convention of other programs, and by the setting; of results and errors alike."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("HEADRACE_", "NO_COLOR"))}
    environment = kept | {"HEADRACE_HOME": str(tmp_path), "TERM": "xterm"} | settings
    for command in ("profile create mine", "profile use none"):
        shown = pexpect.run(
            f"{sys.executable} -m headrace.cli {command}",
            env=environment,
            encoding="utf-8",
            timeout=60,
        )
        assert ("\x1b[" in shown) is is_coloured, shown
