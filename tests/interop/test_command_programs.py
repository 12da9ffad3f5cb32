"""Commands of the contract's command line that stay: streams, shells, served flows; and `transfer`."""

import json
from pathlib import Path

import pytest

from tests.interop.contract_client import CommandLine, ContractClient
from tests.interop.served import Served, serve
from tests.waiting import wait_until

pytestmark = pytest.mark.timeout(300)

FLOWS = """
from pathlib import Path
from prefect import flow, task, runtime

@flow
def greet(name: str = "you") -> str:
    Path(f"greet-{runtime.flow_run.id}").write_text(name)
    return name

@task(persist_result=True)
def shout(word: str) -> str:
    Path(f"shout-{word}").write_text(word.upper())
    return word.upper()
"""


@pytest.fixture(scope="module")
def file(client: ContractClient) -> Path:
    """A file with a flow and a task."""
    path = client.work / "served_here.py"
    path.write_text(FLOWS)
    return path


def test_events_are_streamed(client: ContractClient, prefect: CommandLine) -> None:
    """As text and as JSON, once they happen."""
    stream = (str(client.python.parent / "prefect"), "events", "stream", "--format")
    with client.running(*stream, "text") as text, client.running(*stream, "json") as lines:

        def is_told() -> bool:
            prefect("events", "emit", "streamed.event", "--resource-id", "thing.9")
            return "streamed.event thing.9" in text.output and '"streamed.event"' in lines.output

        wait_until(is_told, lambda: text.output + lines.output)


def test_a_shell_command_is_a_flow(
    client: ContractClient, prefect: CommandLine, served: Served
) -> None:
    """Its lines are the run's; one that fails fails the run."""
    names = ("--flow-name", "in-a-shell", "--tag", "sh")
    client.cli("shell", "watch", "echo from the shell", "--flow-run-name", "echo", *names)
    prefect("shell", "watch", "exit 3", "--flow-run-name", "bad", *names, ok=False)
    wanted = {"flows": {"name": {"any_": ["in-a-shell"]}}}
    runs = {one["name"]: one for one in served.post("/flow_runs/filter", wanted)}
    assert {name: one["state_name"] for name, one in runs.items()} == {
        "echo": "Completed",
        "bad": "Failed",
    }
    assert "sh" in runs["echo"]["tags"]
    of = {"logs": {"flow_run_id": {"any_": [runs["echo"]["id"]]}}}
    wait_until(
        lambda: any("from the shell" in one["message"] for one in served.post("/logs/filter", of))
    )


def test_a_flow_is_served_from_the_command_line(
    client: ContractClient, served: Served, prefect: CommandLine, file: Path
) -> None:
    """`flow serve` registers it with its schedule, and runs what is asked for."""
    program = str(client.python.parent / "prefect")
    options = ("--name", "line", "--interval", "86400", "--tag", "t", "--limit", "2")
    command = (program, "flow", "serve", f"{file.name}:greet", *options)
    with client.running(*command, PREFECT_RUNNER_POLL_FREQUENCY="1") as running:
        wanted = {"deployments": {"name": {"any_": ["line"]}}}
        wait_until(lambda: served.post("/deployments/count", wanted) == 1, lambda: running.output)
        prefect("deployment", "run", "greet/line", "--param", "name=me", "--watch")
        found = served.get("/deployments/name/greet/line")
        assert (found["tags"], found["schedules"][0]["schedule"]["interval"]) == (["t"], 86400.0)
    assert [path.read_text() for path in client.work.glob("greet-*")] == ["me"]


def test_tasks_are_served_from_the_command_line(
    client: ContractClient, served: Served, file: Path
) -> None:
    """`task serve` runs what `delay` hands over."""
    program = str(client.python.parent / "prefect")
    hand_over = "import served_here; served_here.shout.delay('loud')"
    with client.running(program, "task", "serve", f"{file.name}:shout") as running:
        client.run(str(client.python), "-c", hand_over)
        wait_until((client.work / "shout-loud").exists, lambda: running.output)


def test_what_one_server_has_is_transferred_to_another(
    client: ContractClient, served: Served, place: Path
) -> None:
    """`transfer` between profiles: flows, deployments, pools, variables, blocks, limits."""
    flow = served.post("/flows/", {"name": "moved"})["id"]
    pool = served.get("/collections/views/aggregate-worker-metadata")["prefect"]["process"]
    template = pool["default_base_job_configuration"]
    served.post(
        "/work_pools/", {"name": "moving", "type": "process", "base_job_template": template}
    )
    queue = served.post("/work_pools/moving/queues", {"name": "second", "priority": 2})
    assert queue["priority"] == 2
    schedule = {"schedule": {"cron": "0 1 * * *", "timezone": "UTC"}, "active": True}
    body = {"name": "d", "flow_id": flow, "work_pool_name": "moving", "schedules": [schedule]}
    served.post("/deployments/", body | {"work_queue_name": "second", "parameters": {"n": 1}})
    served.post("/variables/", {"name": "moved", "value": {"a": 1}, "tags": ["t"]})
    served.post("/v2/concurrency_limits/", {"name": "moved", "limit": 7})
    home = client.work / "two-profiles"
    home.mkdir()
    with serve(place / "target", f"sqlite:///{place / 'target.db'}") as target:
        lines = [
            'active = "from"\n[profiles.from]\nPREFECT_API_URL = "' + served.url + '"',
            '[profiles.to]\nPREFECT_API_URL = "' + target.url + '"',
        ]
        (home / "profiles.toml").write_text("\n".join(lines) + "\n")
        settings = {"PREFECT_HOME": str(home), "PREFECT_CLI_PROMPT": "false"}
        environment = client.environment(settings)
        assert environment["PREFECT_API_URL"] == served.url
        done = client.run(
            "env",
            "-u",
            "PREFECT_API_URL",
            str(client.python.parent / "prefect"),
            *("transfer", "--from", "from", "--to", "to"),
            **settings,
        )
        moved = target.get("/deployments/name/moved/d")
        assert (moved["work_pool_name"], moved["work_queue_name"]) == ("moving", "second")
        assert moved["parameters"] == {"n": 1}
        assert moved["schedules"][0]["schedule"]["cron"] == "0 1 * * *"
        assert target.get("/variables/name/moved")["value"] == {"a": 1}
        assert target.get("/v2/concurrency_limits/moved")["limit"] == 7
        assert target.get("/work_pools/moving")["base_job_template"] == template
        again = json.dumps([done.out, done.err])
        assert "Traceback" not in again
