"""Deployments over HTTP, as the contract's traces and clients have them."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

NOWHERE = "00000000-0000-4000-8000-000000000000"
KEYS = {
    "id", "created", "updated", "name", "version", "description", "flow_id", "paused", "schedules",
    "concurrency_limit", "global_concurrency_limit", "concurrency_options", "job_variables",
    "parameters", "tags", "labels", "work_queue_name", "work_queue_id", "last_polled",
    "parameter_openapi_schema", "path", "pull_steps", "entrypoint", "storage_document_id",
    "infrastructure_document_id", "created_by", "updated_by", "work_pool_name", "status",
    "enforce_parameter_schema",
}  # fmt: skip
SCHEDULE_KEYS = {
    "id", "created", "updated", "deployment_id", "schedule", "active", "max_scheduled_runs",
    "parameters", "slug",
}  # fmt: skip
SCHEMA = {
    "type": "object",
    "title": "Parameters",
    "properties": {"x": {"type": "integer"}, "y": {"type": "string", "default": "q"}},
    "required": ["x"],
}
TEMPLATE = {
    "job_configuration": {"image": "{{ image }}", "n": "{{ n }}"},
    "variables": {
        "type": "object",
        "properties": {
            "image": {"type": "string"},
            "n": {"type": "integer", "maximum": 5, "default": 2},
        },
        "required": ["image"],
    },
}
THE_SDK = {"user-agent": "prefect/3.8.8 (API 0.8.4)"}


def cron(text: str, **fields: object) -> dict[str, Any]:
    return {"schedule": {"cron": text}, **fields}


def flow(server: Any) -> str:
    return server.post("/flows/", {"name": "f"}).json["id"]


def deploy(server: Any, name: str = "d", status: int = 201, **fields: object) -> dict[str, Any]:
    made = server.post("/deployments/", {"name": name, "flow_id": flow(server), **fields})
    assert made.status == status, made.body
    return made.json


def make_pool(server: Any, **fields: object) -> None:
    made = server.post("/work_pools/", {"name": "p", "type": "process", **fields})
    assert made.status == 201, made.body


def planned(server: Any, deployment: dict[str, Any]) -> list[dict[str, Any]]:
    body = {"deployments": {"id": {"any_": [deployment["id"]]}}, "sort": "EXPECTED_START_TIME_ASC"}
    return server.post("/flow_runs/filter", body).json


def test_a_deployment_is_made_and_found(server: Any):
    """The answer has the contract's fields and values, by id and by name alike."""
    made = deploy(server, schedules=[cron("0 1 * * *", slug="a")], tags=["t"], version="v1")
    assert set(made) == KEYS
    assert set(made["schedules"][0]) == SCHEDULE_KEYS
    assert made["schedules"][0]["schedule"] == {
        "cron": "0 1 * * *",
        "timezone": None,
        "day_or": True,
    }
    assert made["labels"] == {"prefect.flow.id": made["flow_id"]}
    assert (made["status"], made["pull_steps"], made["paused"]) == ("NOT_READY", [], False)
    assert server.get(f"/deployments/{made['id']}").json == made
    assert server.get("/deployments/name/f/d").json == made
    assert server.post("/deployments/filter", {}).json == [made]
    assert server.post("/deployments/count", {}).json == 1
    page = server.post("/deployments/paginate", {"limit": 1}).json
    assert (page["count"], page["pages"], page["results"]) == (1, 1, [made])


def test_redeploying_keeps_what_a_person_paused(server: Any):
    """A paused schedule stays paused, its id stays, and so do the runs of unchanged ones."""
    schedules = [cron("0 1 * * *", slug="a"), cron("0 2 * * *"), cron("0 3 * * *")]
    first = deploy(server, schedules=schedules)
    ids = {one["schedule"]["cron"]: one["id"] for one in first["schedules"]}
    paused = server.patch(
        f"/deployments/{first['id']}/schedules/{ids['0 1 * * *']}", {"active": False}
    )
    assert paused.status == 204
    server.post(f"/deployments/{first['id']}/schedule", {})
    before = {run["id"]: run["created_by"]["id"] for run in planned(server, first)}
    assert set(before.values()) == {ids["0 2 * * *"], ids["0 3 * * *"]}
    schedules[1] = cron("30 2 * * *")
    again = deploy(server, status=200, schedules=schedules)
    found = {one["schedule"]["cron"]: one for one in again["schedules"]}
    assert found["0 1 * * *"]["id"] == ids["0 1 * * *"]
    assert found["0 1 * * *"]["active"] is False
    assert found["0 3 * * *"]["id"] == ids["0 3 * * *"]
    left = {run["id"] for run in planned(server, first) if run["id"] in before}
    assert left == {run for run, of in before.items() if of == ids["0 3 * * *"]}


def test_pause_and_resume(server: Any):
    """A pause drops planned runs; the deployment of a pool stays paused when deployed again."""
    make_pool(server)
    made = deploy(server, work_pool_name="p", schedules=[cron("0 1 * * *")])
    server.post(f"/deployments/{made['id']}/schedule", {})
    assert len(planned(server, made)) >= 3
    assert server.post(f"/deployments/{made['id']}/pause_deployment", {}).json is None
    assert planned(server, made) == []
    assert deploy(server, status=200, paused=False)["paused"] is True
    assert server.post(f"/deployments/{made['id']}/resume_deployment", {}).status == 200
    assert server.get(f"/deployments/{made['id']}").json["paused"] is False


def test_a_served_deployment_is_paused_as_its_process_says(server: Any):
    """Serving pauses at its end and must not stay paused when it starts again."""
    made = deploy(server, schedules=[cron("0 1 * * *")])
    assert server.patch(f"/deployments/{made['id']}", {"paused": True}).status == 204
    assert deploy(server, status=200, schedules=[cron("0 1 * * *")])["paused"] is False


def test_schedules_one_by_one(server: Any):
    """Added, listed newest first, changed, deleted; unknown ones are 404."""
    made = deploy(server)
    path = f"/deployments/{made['id']}/schedules"
    added = server.post(
        path, [cron("7 7 * * *"), cron("8 8 * * *", active=False, parameters={"q": 1})]
    )
    assert added.status == 201
    assert [one["active"] for one in added.json] == [True, False]
    listed = server.get(path).json
    assert [one["id"] for one in listed] == [one["id"] for one in reversed(added.json)]
    one = added.json[0]["id"]
    assert server.patch(f"{path}/{one}", {"schedule": {"interval": 60}}).status == 204
    changed = next(s for s in server.get(path).json if s["id"] == one)
    assert changed["schedule"]["interval"] == 60.0
    assert server.delete(f"{path}/{one}").status == 204
    assert server.delete(f"{path}/{one}").status == 404
    assert server.patch(f"{path}/{NOWHERE}", {"active": False}).status == 404
    assert server.get(f"/deployments/{NOWHERE}/schedules").status == 404
    bad = server.post(path, [{"schedule": {"cron": "61 * * * *"}}])
    assert bad.status == 422
    assert bad.json["exception_detail"][0]["loc"] == ["body", 0, "schedule", "cron"]


def test_pools_and_queues(server: Any):
    """The pool must exist; the queue is made; the job variables are the template's."""
    missing = server.post(
        "/deployments/", {"name": "d", "flow_id": flow(server), "work_pool_name": "nix"}
    )
    assert (missing.status, "nix" in missing.json["detail"]) == (404, True)
    make_pool(server, base_job_template=TEMPLATE)
    made = deploy(server, work_pool_name="p", job_variables={"n": 3})
    assert made["work_queue_name"] == "default"
    made = deploy(server, status=200, work_pool_name="p", work_queue_name="fresh")
    assert (made["work_queue_name"], made["work_pool_name"]) == ("fresh", "p")
    assert deploy(server, status=200)["work_queue_name"] == "fresh"
    queues = server.get(f"/deployments/{made['id']}/work_queue_check").json
    assert [queue["name"] for queue in queues] == ["default", "fresh"]
    body = {"name": "d", "flow_id": made["flow_id"], "work_pool_name": "p"}
    bad = server.post("/deployments/", body | {"job_variables": {"n": 9}})
    assert bad.status == 422
    assert bad.json["exception_detail"][0]["loc"] == ["body", "job_variables", "n"]
    unknown = server.post("/deployments/", body | {"job_variables": {"imgae": "x"}})
    assert (unknown.status, "imgae" in unknown.json["exception_detail"][0]["msg"]) == (422, True)
    path = f"/deployments/{made['id']}/create_flow_run"
    incomplete = server.post(path, {})
    assert (incomplete.status, "image" in str(incomplete.json)) == (422, True)
    run = server.post(path, {"job_variables": {"image": "i"}, "work_queue_name": "other"})
    assert run.status == 201
    assert (run.json["work_queue_name"], run.json["work_pool_name"]) == ("other", "p")
    assert server.patch(f"/deployments/{made['id']}", {"work_pool_name": "nix"}).status == 404
    assert server.patch(f"/deployments/{made['id']}", {"work_queue_name": "q"}).status == 204
    assert server.get(f"/deployments/{made['id']}").json["work_queue_name"] == "q"


def test_runs(server: Any):
    """Parameters merged and checked, tags and labels joined, due at once, made once by their key."""
    made = deploy(
        server, tags=["t"], parameters={"y": "d"}, parameter_openapi_schema=SCHEMA, version="v"
    )
    path = f"/deployments/{made['id']}/create_flow_run"
    refused = server.post(path, {})
    assert (refused.status, "'x' is a required" in refused.json["detail"]) == (409, True)
    refused = server.post(path, {"parameters": {"x": "a"}})
    assert (refused.status, "'x'" in refused.json["detail"]) == (409, True)
    body = {"parameters": {"x": 1}, "tags": ["u"], "idempotency_key": "k", "name": "n"}
    run = server.post(path, body)
    assert run.status == 201, run.body
    assert run.json["parameters"] == {"x": 1, "y": "d"}
    assert run.json["tags"] == ["t", "u"]
    assert run.json["labels"] == {
        "prefect.flow.id": made["flow_id"],
        "prefect.deployment.id": made["id"],
    }
    assert (run.json["state_type"], run.json["state_name"]) == ("SCHEDULED", "Scheduled")
    assert (run.json["name"], run.json["deployment_version"]) == ("n", "v")
    assert run.json["empirical_policy"]["retries"] is None
    again = server.post(path, body)
    assert (again.status, again.json["id"]) == (200, run.json["id"])
    free = server.post(path, {"enforce_parameter_schema": False, "state": {"type": "PENDING"}})
    assert (free.status, free.json["state_type"]) == (201, "PENDING")
    opened = server.post(path, {"parameters": {"x": {"__prefect_kind": "json", "value": "5"}}})
    assert opened.json["parameters"]["x"] == 5
    assert server.post(path, {"parameters": {"x": 1}, "name": None}).json["name"]
    assert server.post(path, {"parameters": {"x": 1}, "work_queue_name": "q"}).status == 422
    assert server.post(f"/deployments/{NOWHERE}/create_flow_run", {}).status == 404
    bulk = server.post(f"{path}/bulk", [{"parameters": {"x": 1}}, {"parameters": {"x": "a"}}])
    assert [one["status"] for one in bulk.json["results"]] == ["CREATED", "FAILED"]
    assert server.post(f"{path}/bulk", []).json == {"results": []}


def test_planned_runs(server: Any):
    """Runs of a schedule carry what the contract says, and asking twice makes them once."""
    made = deploy(
        server,
        parameters={"a": 1},
        tags=["t"],
        schedules=[cron("0 1 * * *", slug="s", parameters={"b": 2}, max_scheduled_runs=2)],
    )
    for _ in range(2):
        server.post(f"/deployments/{made['id']}/schedule", {"start_time": "2030-01-01T00:00:00Z"})
    runs = [run for run in planned(server, made) if run["expected_start_time"] > "2030"]
    schedule = made["schedules"][0]["id"]
    assert [run["expected_start_time"][:16] for run in runs] == [
        "2030-01-01T01:00",
        "2030-01-02T01:00",
    ]
    run = runs[0]
    assert run["idempotency_key"] == f"scheduled {made['id']} {schedule} 2030-01-01 01:00:00+00:00"
    assert run["created_by"] == {"id": schedule, "type": "SCHEDULE", "display_value": "s"}
    assert run["auto_scheduled"] is True
    assert sorted(run["tags"]) == ["auto-scheduled", "t"]
    assert run["parameters"] == {"a": 1, "b": 2}
    assert server.delete(f"/deployments/{made['id']}").status == 204
    assert server.post("/flow_runs/count", {}).json == 0


def test_changes(server: Any):
    """A PATCH changes what it names; null clears; limits show as the contract's object."""
    made = deploy(server, description="d", tags=["t"])
    path = f"/deployments/{made['id']}"
    body = {
        "description": None,
        "concurrency_limit": 2,
        "concurrency_options": {"collision_strategy": "CANCEL_NEW"},
        "schedules": [{"schedule": {"cron": "5 5 * * *"}, "slug": "s"}],
    }
    answer = server.patch(path, body)
    assert answer.status == 204, answer.body
    changed = server.get(path).json
    assert (changed["description"], changed["tags"]) == (None, ["t"])
    limit = changed["global_concurrency_limit"]
    assert (limit["limit"], limit["active_slots"], limit["name"]) == (
        2,
        0,
        f"deployment:{made['id']}",
    )
    assert changed["concurrency_options"]["collision_strategy"] == "CANCEL_NEW"
    assert server.patch(path, {"schedules": [{"slug": "s", "active": False}]}).status == 204
    (schedule,) = server.get(path).json["schedules"]
    assert (schedule["active"], schedule["schedule"]["cron"]) == (False, "5 5 * * *")
    assert server.patch(path, {"concurrency_limit": None}).status == 204
    assert server.get(path).json["global_concurrency_limit"] is None
    deleted = server.post("/deployments/bulk_delete", {"deployments": {"name": {"any_": ["d"]}}})
    assert deleted.json == {"deleted": [made["id"]]}
    assert server.get(path).json == {"detail": "Deployment not found"}
    assert server.patch(path, {"tags": []}).status == 404


@pytest.mark.parametrize(
    ("body", "status", "told"),
    [
        ({"name": "a/b"}, 422, "name"),
        ({"name": ""}, 422, "name"),
        ({"flow_id": NOWHERE}, 409, "flow"),
        ({"schedules": [{"schedule": {"cron": "x"}}]}, 422, "cron"),
        ({"schedules": [cron("0 1 * * *", slug="a"), cron("0 2 * * *", slug="a")]}, 422, "'a'"),
        ({"parameter_openapi_schema": {"type": "objict"}}, 422, "not a JSON schema"),
        ({"parameter_openapi_schema": SCHEMA, "parameters": {"x": "a"}}, 422, "'x'"),
        ({"nope": 1}, 422, "nope"),
        ({"concurrency_limit": 0}, 422, "concurrency_limit"),
    ],
)
def test_refusals(server: Any, body: dict[str, Any], status: int, told: str):
    """What cannot be is refused with its name, and nothing is made."""
    refused = server.post("/deployments/", {"name": "d", "flow_id": flow(server)} | body)
    assert refused.status == status, refused.body
    assert told.encode() in refused.body
    assert server.post("/deployments/count", {}).json == 0


def test_deployments_share_a_limit(server: Any):
    """Runs of both, and whoever else takes slots of it, count together; who finds none waits."""
    limit = server.post("/v2/concurrency_limits/", {"name": "shared", "limit": 1}).json["id"]
    make_pool(server)
    common = {"work_pool_name": "p", "global_concurrency_limit_id": limit}
    first, second = (deploy(server, name, **common) for name in ("a", "b"))
    assert first["concurrency_limit"] is None

    def propose(run: str, kind: str) -> str:
        body = {"state": {"type": kind}}
        return server.post(f"/flow_runs/{run}/set_state", body).json["state"]["name"]

    def used() -> list[int]:
        told = [server.get(f"/deployments/{one['id']}").json for one in (first, second)]
        assert {one["global_concurrency_limit"]["id"] for one in told} == {limit}
        every = [one["global_concurrency_limit"]["active_slots"] for one in told]
        return [*every, server.get("/v2/concurrency_limits/shared").json["active_slots"]]

    x, y = (
        server.post(f"/deployments/{one['id']}/create_flow_run", {}).json["id"]
        for one in (first, second)
    )
    assert used() == [0, 0, 0]
    assert propose(x, "PENDING") == "Pending"
    assert used() == [1, 1, 1]
    assert server.post("/work_pools/p/get_scheduled_flow_runs", {}).json != []  # a preview
    soon = datetime.now(UTC) + timedelta(seconds=20)
    poll = {"scheduled_before": soon.isoformat()}  # as a worker asks
    assert server.post("/work_pools/p/get_scheduled_flow_runs", poll).json == []
    assert propose(y, "PENDING") == "AwaitingConcurrencySlot"
    slot = {"names": ["shared"], "slots": 1, "mode": "concurrency", "lease_duration": 60}
    increment = "/v2/concurrency_limits/increment-with-lease"
    assert server.post(increment, slot).status == 423
    assert propose(x, "COMPLETED") == "Completed"
    lease = server.post(increment, slot).json["lease_id"]
    assert used() == [1, 1, 1]
    assert propose(y, "PENDING") == "AwaitingConcurrencySlot"
    server.post("/v2/concurrency_limits/decrement-with-lease", {"lease_id": lease})
    assert propose(y, "PENDING") == "Pending"
    assert server.delete("/v2/concurrency_limits/shared").status == 204
    assert server.get(f"/deployments/{first['id']}").json["global_concurrency_limit"] is None


def test_a_shared_limit_is_named_alone_and_exists(server: Any):
    """With a limit of its own it is refused; one takes the other's place; unknown ones are told."""
    limit = server.post("/v2/concurrency_limits/", {"name": "shared", "limit": 2}).json["id"]
    both = {"concurrency_limit": 3, "global_concurrency_limit_id": limit}
    deploy(server, "d", 422, **both)
    deploy(server, "d", 404, global_concurrency_limit_id=NOWHERE)
    made = deploy(server, "d", global_concurrency_limit_id=limit)
    at = f"/deployments/{made['id']}"
    assert server.patch(at, both).status == 422
    assert server.patch(at, {"global_concurrency_limit_id": NOWHERE}).status == 404

    def name() -> str | None:
        found = server.get(at).json["global_concurrency_limit"]
        return found and found["name"]

    assert server.patch(at, {"description": "x"}).status == 204
    assert name() == "shared"
    assert server.patch(at, {"concurrency_limit": 3}).status == 204
    assert name() == f"deployment:{made['id']}"
    assert server.patch(at, {"global_concurrency_limit_id": limit}).status == 204
    assert name() == "shared"
    assert server.post("/deployments/filter", {}).json[0]["global_concurrency_limit"]["limit"] == 2
    assert server.patch(at, {"global_concurrency_limit_id": None}).status == 204
    assert name() is None
