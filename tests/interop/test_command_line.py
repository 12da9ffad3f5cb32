"""Every group of the contract's own command, against our server, judged over our API."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.interop.contract_client import CommandLine, ContractClient
from tests.interop.served import Served

pytestmark = pytest.mark.timeout(240)


@pytest.fixture(scope="module")
def pool(prefect: CommandLine) -> str:
    """A process pool."""
    prefect("work-pool", "create", "pool", "--type", "process")
    return "pool"


@pytest.fixture(scope="module")
def flow_run(served: Served) -> str:
    """A failed flow run with a task run, each with log lines."""
    flow = served.post("/flows/", {"name": "by-hand"})["id"]
    run = served.post("/flow_runs/", {"flow_id": flow, "name": "a-run"})["id"]
    task = {"flow_run_id": run, "task_key": "t", "dynamic_key": "0", "name": "a-task"}
    task_run = served.post("/task_runs/", task)["id"]
    lines = [{"flow_run_id": run, "task_run_id": task_run}] + [{"flow_run_id": run}] * 3
    common = {"name": "prefect.flow_runs", "level": 20}
    moment = "2026-01-01T00:00:0{}Z"
    logs = [
        common | line | {"message": f"line {at}", "timestamp": moment.format(at)}
        for at, line in enumerate(lines)
    ]
    served.post("/logs/", logs)
    for kind in ("RUNNING", "FAILED"):
        served.post(f"/flow_runs/{run}/set_state", {"state": {"type": kind}})
        served.post(f"/task_runs/{task_run}/set_state", {"state": {"type": kind}})
    return run


def test_work_pools(prefect: CommandLine, served: Served, pool: str) -> None:
    """Made, changed, paused, limited, shown, deleted."""
    at = f"/work_pools/{pool}"
    assert "already exists" in prefect("work-pool", "create", pool, "--type", "process", ok=False)
    prefect("work-pool", "update", pool, "--description", "told", "--concurrency-limit", "4")
    assert {"description": "told", "concurrency_limit": 4}.items() <= served.get(at).items()
    prefect("work-pool", "pause", pool)
    assert served.get(at)["status"] == "PAUSED"
    prefect("work-pool", "resume", pool)
    prefect("work-pool", "set-concurrency-limit", pool, "2")
    assert "0 / 2" in prefect("work-pool", "slots", pool)
    prefect("work-pool", "clear-concurrency-limit", pool)
    assert served.get(at)["concurrency_limit"] is None
    assert prefect.json("work-pool", "inspect", pool)["name"] == pool
    assert pool in [one["name"] for one in prefect.json("work-pool", "ls")]
    assert "No storage configuration" in prefect("work-pool", "storage", "inspect", pool)
    template = json.loads(prefect("work-pool", "get-default-base-job-template", "-t", "process"))
    assert served.get(at)["base_job_template"] == template
    prefect("work-pool", "create", "gone", "--type", "process", "--paused")
    prefect("work-pool", "delete", "gone")
    assert "not found" in prefect("work-pool", "inspect", "gone", ok=False)


def test_work_queues(prefect: CommandLine, served: Served, pool: str) -> None:
    """Made with a priority and a limit, paused, shown, deleted."""
    of = ("--pool", pool)
    prefect("work-queue", "create", "high", *of, "--priority", "1", "--limit", "3")
    at = f"/work_pools/{pool}/queues/high"
    assert {"priority": 1, "concurrency_limit": 3}.items() <= served.get(at).items()
    prefect("work-queue", "set-concurrency-limit", "high", "5", *of)
    assert "0 / 5" in prefect("work-queue", "slots", "high", *of)
    prefect("work-queue", "clear-concurrency-limit", "high", *of)
    prefect("work-queue", "pause", "high", *of)
    assert served.get(at)["is_paused"] is True
    prefect("work-queue", "resume", "high", *of)
    assert "NOT_READY" in prefect("work-queue", "inspect", "high", *of)
    assert "high" in prefect("work-queue", "ls", *of)
    assert "high" in prefect("work-queue", "ls")
    assert "Read 0 runs" in prefect("work-queue", "read-runs", "high", *of)
    assert "No runs found" in prefect("work-queue", "preview", "high", *of)
    prefect("work-queue", "delete", "high", *of)
    assert "No work queue" in prefect("work-queue", "delete", "high", *of, ok=False)


def test_variables(prefect: CommandLine, served: Served) -> None:
    """Set, replaced only when asked to, read, removed."""
    prefect("variable", "set", "a_name", '{"deep": [1, null]}', "--tag", "t")
    assert served.get("/variables/name/a_name")["value"] == {"deep": [1, None]}
    assert "already exists" in prefect("variable", "set", "a_name", "2", ok=False)
    prefect("variable", "set", "a_name", "2", "--overwrite")
    assert prefect("variable", "get", "a_name").strip() == "2"
    assert prefect.json("variable", "inspect", "a_name")["value"] == 2
    assert "a_name" in [one["name"] for one in prefect.json("variable", "ls")]
    prefect("variable", "unset", "a_name")
    assert "not found" in prefect("variable", "get", "a_name", ok=False)


def test_concurrency_limits(prefect: CommandLine, served: Served) -> None:
    """Those of tags, and those by name."""
    prefect("concurrency-limit", "create", "tag", "3")
    assert served.get("/concurrency_limits/tag/tag")["concurrency_limit"] == 3
    assert "tag" in prefect("concurrency-limit", "ls")
    assert "tag" in prefect("concurrency-limit", "inspect", "tag")
    prefect("concurrency-limit", "reset", "tag")
    prefect("concurrency-limit", "delete", "tag")
    group = "global-concurrency-limit"
    prefect(group, "create", "gate", "--limit", "3")
    prefect(group, "update", "gate", "--limit", "5", "--slot-decay-per-second", "0.5")
    prefect(group, "disable", "gate")
    found = served.get("/v2/concurrency_limits/gate")
    assert (found["limit"], found["slot_decay_per_second"], found["active"]) == (5, 0.5, False)
    prefect(group, "enable", "gate")
    assert prefect.json(group, "inspect", "gate")["active"] is True
    assert "gate" in [one["name"] for one in prefect.json(group, "ls")]
    prefect(group, "delete", "gate")
    assert "not found" in prefect(group, "inspect", "gate", ok=False)


def test_flow_runs_and_task_runs(prefect: CommandLine, served: Served, flow_run: str) -> None:
    """Listed, shown, their logs, cancelled, deleted."""
    of = ("--flow-name", "by-hand")
    assert [one["id"] for one in prefect.json("flow-run", "ls", *of)] == [flow_run]
    assert prefect.json("flow-run", "ls", *of, "--state", "Completed") == []
    assert prefect.json("flow-run", "inspect", flow_run)["name"] == "a-run"
    every = [f"line {at}" for at in range(4)]
    told = prefect("flow-run", "logs", flow_run).splitlines()
    assert [line[-6:] for line in told if line.strip()] == every
    tail = prefect("flow-run", "logs", flow_run, "--tail", "-n", "2")
    assert [line[-6:] for line in tail.splitlines() if line.strip()] == every[2:]
    (task_run,) = prefect.json("task-run", "ls")
    assert task_run["flow_run_id"] == flow_run
    assert prefect.json("task-run", "inspect", task_run["id"])["name"] == "a-task"
    assert "line 0" in prefect("task-run", "logs", task_run["id"])
    assert "line 1" not in prefect("task-run", "logs", task_run["id"])
    assert "Failed" in prefect("flow-run", "watch", flow_run, ok=False)
    other = served.post("/flow_runs/", {"flow_id": served.get(f"/flow_runs/{flow_run}")["flow_id"]})
    prefect("flow-run", "cancel", other["id"])
    assert served.get(f"/flow_runs/{other['id']}")["state_type"] in {"CANCELLING", "CANCELLED"}
    prefect("flow-run", "delete", other["id"])
    assert served.post("/flow_runs/count", {"flow_runs": {"id": {"any_": [other["id"]]}}}) == 0
    assert "by-hand" in [one["name"] for one in prefect.json("flow", "ls")]


def test_artifacts(prefect: CommandLine, served: Served) -> None:
    """The newest of each key, all of one, deleted."""
    for text in ("old", "new"):
        served.post("/artifacts/", {"key": "report", "type": "markdown", "data": text})
    (newest,) = prefect.json("artifact", "ls")
    assert newest["key"] == "report"
    versions = prefect.json("artifact", "inspect", "report")
    assert [one["data"] for one in versions] == ["new", "old"]
    prefect("artifact", "delete", "report")
    assert served.post("/artifacts/count", {}) == 0


def test_events(prefect: CommandLine, served: Served) -> None:
    """One is sent over the socket and stored."""
    said = ("--resource-id", "thing.1", "--payload", '{"a": 1}')
    assert "Successfully emitted" in prefect("events", "emit", "thing.happened", *said)
    wanted = {"filter": {"event": {"name": ["thing.happened"]}}}
    (event,) = served.post("/events/filter", wanted)["events"]
    assert (event["resource"], event["payload"]) == (
        {"prefect.resource.id": "thing.1"},
        {"a": 1},
    )


def test_deployments_and_schedules(prefect: CommandLine, served: Served, pool: str) -> None:
    """Listed, scheduled, paused, run with parameters and times, refused, deleted."""
    flow = served.post("/flows/", {"name": "planned"})["id"]
    schema = {"type": "object", "properties": {"n": {"type": "integer"}}}
    body = {"name": "d", "flow_id": flow, "work_pool_name": pool, "concurrency_limit": 1}
    deployment = served.post("/deployments/", body | {"parameter_openapi_schema": schema})["id"]
    at, name = f"/deployments/{deployment}", "planned/d"
    schedule = ("deployment", "schedule")
    prefect(*schedule, "create", name, "--cron", "0 9 * * *", "--timezone", "Europe/Berlin")
    prefect(*schedule, "create", name, "--interval", "3600", "--anchor-date", "2026-01-01")
    every = served.get(at)["schedules"]
    assert sorted(
        key for one in every for key in one["schedule"] if key in {"cron", "interval"}
    ) == [
        "cron",
        "interval",
    ]
    prefect(*schedule, "pause", name, every[0]["id"])
    assert "cron: 0 9 * * *" in prefect(*schedule, "ls", name)
    assert [one["active"] for one in served.get(at)["schedules"]].count(False) == 1
    prefect(*schedule, "resume", name, every[0]["id"])
    prefect(*schedule, "delete", name, every[0]["id"], "-y")
    prefect(*schedule, "create", name, "--rrule", "FREQ=DAILY", "--replace", "-y")
    assert [list(one["schedule"]) for one in served.get(at)["schedules"]] == [["rrule", "timezone"]]
    prefect(*schedule, "clear", name, "-y")
    assert served.get(at)["schedules"] == []
    run = ("deployment", "run", name)
    prefect(*run, "-p", "n=5", "--tag", "cli", "--flow-run-name", "now", "-jv", "env={}")
    prefect(*run, "--start-in", "1 hour")
    prefect(*run, "--start-at", "tomorrow at 5pm")
    assert "'abc' is not of type 'integer'" in prefect(*run, "-p", "n=abc", ok=False)
    assert "not found" in prefect("deployment", "run", "planned/none", ok=False)
    wanted = {"deployments": {"id": {"any_": [deployment]}}, "sort": "EXPECTED_START_TIME_ASC"}
    first, *later = served.post("/flow_runs/filter", wanted)
    assert (first["name"], first["parameters"], first["tags"]) == ("now", {"n": 5}, ["cli"])
    # The deployment's limit of one says what may start now, not what is planned.
    preview = prefect("work-pool", "preview", pool, "--hours", "48")
    assert all(one["name"] in preview for one in (first, *later))
    assert "now" in prefect("work-queue", "preview", "default", "--pool", pool)
    assert "d" in [one["name"] for one in prefect.json("deployment", "ls")]
    prefect("deployment", "delete", name)
    assert "not found" in prefect("deployment", "delete", name, ok=False)


def test_the_server_is_known(prefect: CommandLine, served: Served) -> None:
    """Its status and version; any call with `api`; versions that do not fit would be told here."""
    assert prefect.json("server", "status")["status"] == "available"
    assert "Server type:          server" in prefect("version")
    assert json.loads(prefect("api", "POST", "/flows/filter", "--data", '{"limit": 0}')) == []
    assert "404" in prefect("api", "POST", "/nothing", "--data", "{}", ok=False)


def test_profiles_and_settings(
    prefect: CommandLine, served: Served, client: ContractClient
) -> None:
    """What stays on the client's side works while it is told to use our server."""
    prefect("profile", "create", "ours")
    prefect("config", "set", "PREFECT_API_URL=http://127.0.0.1:1/api")
    assert served.url in prefect("config", "view")  # the environment comes first
    prefect("config", "unset", "PREFECT_API_URL", "-y")
    prefect("config", "validate")
    assert "ours" in prefect("profile", "ls")
    prefect("profile", "rename", "ours", "theirs")
    prefect("profile", "inspect", "theirs")
    prefect("profile", "delete", "theirs")


def test_a_flow_served_from_the_command_line_is_registered(
    client: ContractClient, prefect: CommandLine, served: Served
) -> None:
    """`init`, and `deploy` of a function with everything given on the line."""
    (client.work / "lines.py").write_text(
        "from prefect import flow\n\n\n@flow\ndef greet(name: str = 'you') -> str:\n    return name\n"
    )
    prefect("init", "--recipe", "local", "--name", "project")
    assert (client.work / "prefect.yaml").exists()
    prefect("work-pool", "create", "lines", "--type", "process")
    prefect(
        *("deploy", "lines.py:greet", "-n", "line", "-p", "lines", "-q", "slow", "-t", "x"),
        *("--cron", "*/5 * * * *", "--param", "name=me", "-jv", "working_dir=."),
        *("--version", "2", "--description", "by line", "--concurrency-limit", "3", "--no-prompt"),
    )
    found: dict[str, Any] = served.get("/deployments/name/greet/line")
    assert (found["work_pool_name"], found["work_queue_name"]) == ("lines", "slow")
    assert (found["tags"], found["version"], found["description"]) == (["x"], "2", "by line")
    assert found["parameters"] == {"name": "me"}
    assert found["job_variables"] == {"working_dir": "."}
    assert found["global_concurrency_limit"]["limit"] == 3
    assert found["parameter_openapi_schema"]["properties"]["name"]["default"] == "you"
    (step,) = [one for step in found["pull_steps"] for one in step.values()]
    assert Path(step["directory"]) == client.work


def test_blocks(prefect: CommandLine, served: Served, client: ContractClient) -> None:
    """A type of one's own is registered, documents are listed, shown without secrets, deleted."""
    (client.work / "blocks_of_mine.py").write_text(
        "from prefect.blocks.core import Block\nfrom pydantic import SecretStr\n\n\n"
        "class Door(Block):\n    name: str\n    code: SecretStr\n"
    )
    prefect("block", "register", "--file", "blocks_of_mine.py")
    types = [one["slug"] for one in prefect.json("block", "type", "ls")]
    assert "door" in types
    assert "door" in prefect("block", "type", "inspect", "door")
    kind = served.get("/block_types/slug/door")["id"]
    schemas = {"block_schemas": {"block_type_id": {"any_": [kind]}}}
    (schema,) = served.post("/block_schemas/filter", schemas)
    body = {"name": "front", "block_type_id": kind, "block_schema_id": schema["id"]}
    served.post("/block_documents/", body | {"data": {"name": "front", "code": "1234"}})
    assert "door/front" in prefect("block", "ls")
    shown = prefect("block", "inspect", "door/front")
    assert "front" in shown
    assert "1234" not in shown
    prefect("block", "delete", "door/front")
    assert "front" not in prefect("block", "ls")
    prefect("block", "type", "delete", "door")


@pytest.mark.parametrize("kind", ["docker", "kubernetes", "ecs", "cloud-run"])
def test_pools_of_other_kinds(prefect: CommandLine, served: Served, kind: str) -> None:
    """The kinds of pools come from the server, with their templates."""
    template = json.loads(prefect("work-pool", "get-default-base-job-template", "-t", kind))
    prefect("work-pool", "create", f"a-{kind}", "--type", kind)
    assert served.get(f"/work_pools/a-{kind}")["base_job_template"] == template
    prefect("work-pool", "delete", f"a-{kind}")


def test_automations(prefect: CommandLine, served: Served) -> None:
    """One that is created is kept, and it is said that it does not fire yet; paused, deleted."""
    trigger = {
        "type": "event",
        "expect": ["a.b"],
        "posture": "Reactive",
        "threshold": 1,
        "within": 0,
    }
    made = {"name": "asleep", "trigger": trigger, "actions": [{"type": "do-nothing"}]}
    refusal = prefect("automation", "create", "--from-json", json.dumps(made), ok=False)
    assert "501" in refusal
    assert "asleep" in prefect("automation", "ls")
    (kept,) = served.post("/automations/filter", {})
    assert "asleep" in prefect("automation", "inspect", "asleep", "--json")
    prefect("automation", "pause", "asleep")
    assert served.get(f"/automations/{kept['id']}")["enabled"] is False
    prefect("automation", "resume", "asleep")
    assert served.get(f"/automations/{kept['id']}")["enabled"] is True
    prefect("automation", "delete", "asleep")
    assert served.post("/automations/count", {}) == 0


def test_a_bad_job_variable_is_told_in_a_sentence(
    prefect: CommandLine, served: Served, pool: str
) -> None:
    """At a deployment's run; nothing of the request is shown to the person."""
    flow = served.post("/flows/", {"name": "varied"})["id"]
    body = {"name": "d", "flow_id": flow, "work_pool_name": pool}
    served.post("/deployments/", body)
    told = prefect("deployment", "run", "varied/d", "--job-variable", "env=no", ok=False)
    assert "'env'" in told
    assert "request_body" not in told
