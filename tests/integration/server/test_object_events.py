"""Changes of objects are events: what is told of each noun, as the contract's server tells it."""

from typing import Any
from uuid import uuid4

PERIOD = {"occurred": {"since": "2000-01-01T00:00:00Z"}, "order": "ASC"}


def made(server: Any, path: str, body: dict[str, Any]) -> dict[str, Any]:
    reply = server.post(path, body)
    assert reply.status in (200, 201), reply.body
    return reply.json


def told(server: Any, resource: str) -> list[dict[str, Any]]:
    """The events of a resource in the order of what they tell."""
    wanted = {**PERIOD, "resource": {"id": [f"prefect.{resource}"]}}
    events = server.post("/events/filter", {"filter": wanted, "limit": 50}).json["events"]
    prefix = f"prefect.{resource.partition('.')[0]}."
    return [{**one, "event": one["event"].removeprefix(prefix)} for one in events]


def words(server: Any, resource: str) -> list[str]:
    return [one["event"] for one in told(server, resource)]


def named(kind: str, key: str, name: str | None = None, **more: str) -> dict[str, str]:
    labels = {"prefect.resource.id": f"prefect.{kind}.{key}"}
    if name is not None:
        labels["prefect.resource.name"] = name
    return labels | {f"prefect.{word.replace('_', '.')}": value for word, value in more.items()}


def test_a_flow(server: Any):
    """Made once, however often it is asked for; changed; deleted."""
    flow = made(server, "/flows/", {"name": "f", "labels": {"a": 1}})
    made(server, "/flows/", {"name": "f"})
    server.patch(f"/flows/{flow['id']}", {"tags": ["t"]})
    server.delete(f"/flows/{flow['id']}")
    events = told(server, f"flow.{flow['id']}")
    assert [one["event"] for one in events] == ["created", "updated", "deleted"]
    assert [one["payload"]["tags"] for one in events] == [[], ["t"], ["t"]]
    assert {one["payload"]["labels"]["a"] for one in events} == {1}
    assert all(one["resource"] == named("flow", flow["id"], "f") for one in events)


def test_a_variable(server: Any):
    """Its new name and value."""
    variable = made(server, "/variables/", {"name": "v", "value": {"a": [1]}})
    server.patch("/variables/name/v", {"name": "w", "value": 2})
    server.delete("/variables/name/w")
    events = told(server, f"variable.{variable['id']}")
    assert [(one["event"], one["payload"]) for one in events] == [
        ("created", {"name": "v", "value": {"a": [1]}, "tags": []}),
        ("updated", {"name": "w", "value": 2, "tags": []}),
        ("deleted", {"name": "w", "value": 2, "tags": []}),
    ]


def test_a_pool_and_its_queues(server: Any):
    """What changed, with its values before and after; a status follows the one before."""
    pool = made(server, "/work_pools/", {"name": "p", "type": "process"})
    default = pool["default_queue_id"]
    server.patch("/work_pools/p", {"concurrency_limit": 3, "description": "d"})
    server.patch("/work_pools/p", {"concurrency_limit": 3})
    server.patch("/work_pools/p", {"is_paused": True})
    server.post("/work_pools/p/workers/heartbeat", {"name": "w"})
    server.patch("/work_pools/p", {"is_paused": False})
    queue = made(server, "/work_pools/p/queues", {"name": "q"})
    server.delete("/work_pools/p")
    events = told(server, f"work-pool.{pool['id']}")
    statuses = ["not-ready", "paused", "ready"]
    assert [one["event"] for one in events] == [
        "created", "not-ready", "updated", "paused", "ready", "deleted",
    ]  # fmt: skip
    kind = {"prefect.work-pool.type": "process"}
    of_status = [one for one in events if one["event"] in statuses]
    assert [one["follows"] for one in of_status] == [None, of_status[0]["id"], of_status[1]["id"]]
    assert of_status[0]["resource"] == named("work-pool", pool["id"], "p") | kind
    as_resource = named("work-pool", pool["id"], "p", resource_role="work-pool") | kind
    assert events[0]["resource"] == as_resource
    assert events[0]["related"] == [named("work-queue", default, resource_role="default-queue")]
    assert events[2]["payload"]["updates"] == {
        "description": {"from": None, "to": "d"},
        "concurrency_limit": {"from": None, "to": 3},
    }
    for key, name in ((default, "default"), (queue["id"], "q")):
        events = told(server, f"work-queue.{key}")
        assert [one["event"] for one in events] == ["created", "deleted"]
        assert events[0]["resource"] == named("work-queue", key, name, resource_role="work-queue")
        assert events[0]["related"] == [as_resource]


def test_a_queue_that_is_changed_polled_and_paused(server: Any):
    """Ready with the first poll, as its deployments are; while it is paused nothing is told of polls."""
    made(server, "/work_pools/", {"name": "p", "type": "process"})
    queue = made(server, "/work_pools/p/queues", {"name": "q", "is_paused": True})
    server.post("/work_pools/p/get_scheduled_flow_runs", {"work_queue_names": ["q"]})
    server.patch("/work_pools/p/queues/q", {"is_paused": True, "concurrency_limit": 2})
    server.patch("/work_pools/p/queues/q", {"is_paused": False})
    server.delete("/work_pools/p/queues/q")
    events = told(server, f"work-queue.{queue['id']}")
    assert [one["event"] for one in events] == ["created", "updated", "ready", "deleted"]
    assert events[1]["payload"] == {
        "updated_fields": ["concurrency_limit"],
        "updates": {"concurrency_limit": {"from": None, "to": 2}},
    }


def test_a_deployment(server: Any):
    """Nothing where it is the same; its flow, queue, pool and limit are named with it."""
    flow = made(server, "/flows/", {"name": "f"})
    pool = made(server, "/work_pools/", {"name": "p", "type": "process"})
    body = {"name": "d", "flow_id": flow["id"], "work_pool_name": "p", "concurrency_limit": 2}
    deployment = made(server, "/deployments/", body)
    made(server, "/deployments/", body)
    made(server, "/deployments/", {**body, "tags": ["t"], "job_variables": {"env": {}}})
    server.patch(f"/deployments/{deployment['id']}", {"description": "x"})
    for _ in range(2):
        server.post("/work_pools/p/get_scheduled_flow_runs", {})
    server.delete(f"/deployments/{deployment['id']}")
    events = told(server, f"deployment.{deployment['id']}")
    assert [one["event"] for one in events] == [
        "created", "updated", "updated", "ready", "deleted",
    ]  # fmt: skip
    limit = deployment["global_concurrency_limit"]["id"]
    for one in events:
        assert one["resource"] == named("deployment", deployment["id"], "d")
        assert one["related"] == [
            named("flow", flow["id"], "f", resource_role="flow"),
            named("work-queue", pool["default_queue_id"], "default", resource_role="work-queue"),
            named("work-pool", pool["id"], "p", resource_role="work-pool")
            | {"prefect.work-pool.type": "process"},
            named("concurrency-limit", limit, resource_role="concurrency-limit"),
        ]
    assert [events[at]["payload"]["updates"] for at in (1, 2)] == [
        {
            "infra_overrides": {"from": {}, "to": {"env": {}}},
            "tags": {"from": [], "to": ["t"]},
        },
        {"description": {"from": None, "to": "x"}},
    ]
    assert words(server, f"work-queue.{pool['default_queue_id']}") == ["created", "ready"]


def test_a_block_without_its_secrets(server: Any):
    """Type and document; what is secret, at any depth, is not told, nor is an anonymous block."""
    kind = made(server, "/block_types/", {"name": "B", "slug": "b"})
    fields = {"secret_fields": ["a", "in.b", "all.*"]}
    schema = made(server, "/block_schemas/", {"block_type_id": kind["id"], "fields": fields})
    both = {"block_type_id": kind["id"], "block_schema_id": schema["id"]}
    data = {"a": "s", "in": {"b": "s", "c": 1}, "all": {"x": "s"}, "open": [2]}
    block = made(server, "/block_documents/", {"name": "n", "data": data, **both})
    hidden = made(server, "/block_documents/", {"is_anonymous": True, "data": {}, **both})
    server.patch(f"/block_documents/{block['id']}", {"data": {"open": 3}})
    server.delete(f"/block_documents/{block['id']}")
    server.patch(f"/block_types/{kind['id']}", {"description": "d"})
    server.delete(f"/block_types/{kind['id']}")
    events = told(server, f"block-document.{block['id']}")
    assert [one["event"] for one in events] == ["created", "updated", "deleted"]
    assert events[0]["payload"] == {
        "name": "n",
        "data": {"in": {"c": 1}, "all": {}, "open": [2]},
        "block_schema": {"block_type": {"id": kind["id"], "name": "B"}, "capabilities": []},
    }
    assert [one["payload"]["data"]["open"] for one in events] == [[2], 3, 3]
    assert events[0]["related"] == [
        named("block-type", kind["id"], "B", resource_role="block-type"),
        named("block-schema", schema["id"], resource_role="block-schema"),
    ]
    assert words(server, f"block-document.{hidden['id']}") == []
    assert words(server, f"block-type.{kind['id']}") == ["created", "updated", "deleted"]


def test_limits_by_name_and_by_tag(server: Any):
    """Taking and giving back slots is no change of them."""
    limit = made(server, "/v2/concurrency_limits/", {"name": "l", "limit": 2})
    slots = {"names": ["l"], "slots": 1}
    server.post("/v2/concurrency_limits/increment", slots)
    server.post("/v2/concurrency_limits/decrement", slots)
    server.patch("/v2/concurrency_limits/l", {"limit": 4, "active": False})
    server.delete("/v2/concurrency_limits/l")
    events = told(server, f"concurrency-limit.{limit['id']}")
    assert [(one["event"], one["payload"]["limit"]) for one in events] == [
        ("created", 2), ("updated", 4), ("deleted", 4),
    ]  # fmt: skip
    assert [one["payload"]["active"] for one in events] == [True, False, False]
    for number in (1, 2):
        limit = made(server, "/concurrency_limits/", {"tag": "t", "concurrency_limit": number})
    server.delete("/concurrency_limits/tag/t")
    events = told(server, f"concurrency-limit.{limit['id']}")
    assert [one["event"] for one in events] == ["created", "updated", "deleted"]
    assert events[0]["resource"]["prefect.resource.name"] == "tag:t"


def test_the_artifacts_of_a_key(server: Any):
    """The key's first artifact, another latest one, and the last one gone; one without a key is none."""
    flow = made(server, "/flows/", {"name": "f"})
    run = made(server, "/flow_runs/", {"flow_id": flow["id"]})
    body = {"key": "k", "type": "markdown", "data": "1", "flow_run_id": run["id"]}
    first = made(server, "/artifacts/", body)
    second = made(server, "/artifacts/", {"key": "k", "type": "table", "data": "2"})
    made(server, "/artifacts/", {"type": "markdown", "data": "no key"})
    collection = server.get("/artifacts/k/latest").json["id"]
    server.patch(f"/artifacts/{second['id']}", {"data": "3"})
    server.delete(f"/artifacts/{second['id']}")
    server.delete(f"/artifacts/{first['id']}")
    events = told(server, f"artifact-collection.{collection}")
    assert [(one["event"], one["payload"]["data"]) for one in events] == [
        ("created", "1"), ("updated", "2"), ("updated", "1"), ("deleted", "1"),
    ]  # fmt: skip
    latest = [one["related"][0]["prefect.resource.id"].rpartition(".")[2] for one in events]
    assert latest == [first["id"], second["id"], first["id"], first["id"]]
    assert events[0]["related"][1:] == [named("flow-run", run["id"], resource_role="flow-run")]


def test_the_flow_and_the_kind_of_pool_are_told_with_a_run(server: Any):
    """Tags of the flow and of the run, each once."""
    flow = made(server, "/flows/", {"name": "f", "tags": ["of flow", "both"]})
    made(server, "/work_pools/", {"name": "p", "type": "process"})
    body = {"name": "d", "flow_id": flow["id"], "work_pool_name": "p", "tags": ["both", "own"]}
    deployment = made(server, "/deployments/", body)
    run = made(server, f"/deployments/{deployment['id']}/create_flow_run", {})
    made(server, f"/flow_runs/{run['id']}/set_state", {"state": {"type": "RUNNING"}, "force": True})
    for one in told(server, f"flow-run.{run['id']}"):
        related = {resource["prefect.resource.id"]: resource for resource in one["related"]}
        tags = [key.removeprefix("prefect.tag.") for key in related if ".tag." in key]
        assert tags == ["both", "of flow", "own"]
        (pool,) = (resource for key, resource in related.items() if ".work-pool." in key)
        assert pool["prefect.work-pool.type"] == "process"


def test_a_state_with_data_leaves_an_artifact(server: Any):
    """What it carries, for flow and task runs; what is said of the artifact is not kept in the state."""
    flow = made(server, "/flows/", {"name": "f"})
    run = made(server, "/flow_runs/", {"flow_id": flow["id"]})
    body = {"flow_run_id": run["id"], "task_key": "t", "dynamic_key": "0"}
    task = made(server, "/task_runs/", body)
    carried = {"artifact_type": "result", "artifact_description": "it", "storage_key": "k"}
    for path in (f"/flow_runs/{run['id']}", f"/task_runs/{task['id']}"):
        for state in ({"type": "RUNNING"}, {"type": "COMPLETED", "data": carried}):
            answer = made(server, f"{path}/set_state", {"state": state, "force": True})
        assert answer["state"]["data"] == {"storage_key": "k"}
    found = server.post("/artifacts/filter", {}).json
    assert {one["task_run_id"] for one in found} == {None, task["id"]}
    for one in found:
        assert (one["flow_run_id"], one["key"], one["data"]) == (
            run["id"],
            None,
            {"storage_key": "k"},
        )
        assert (one["type"], one["description"]) == ("result", "it")


def test_events_of_any_name_and_time_are_counted(server: Any) -> None:
    """A name is told as it is; stretches of time beyond the calendar are refused with a reason."""
    resource = {"prefect.resource.id": "any.thing", "prefect.resource.name": "{a} name"}
    event = {"id": str(uuid4()), "occurred": "2026-01-01T00:00:00Z", "event": "{happened"}
    assert server.post("/events", [event | {"resource": resource, "payload": {}}]).status == 204
    wanted = {"filter": {**PERIOD, "resource": {"id": ["any.thing"]}}}
    (by_name,) = server.post("/events/count-by/event", wanted).json
    (by_resource,) = server.post("/events/count-by/resource", wanted).json
    assert (by_name["label"], by_resource["label"]) == ("{happened", "{a} name")
    for occurred, unit, interval in (
        ({"until": "0001-01-01T00:00:00Z"}, "week", 1),
        ({"since": "9999-12-31T23:00:00Z", "until": "9999-12-31T23:59:59Z"}, "week", 1),
        ({"since": "2026-01-01T00:00:00Z", "until": "2026-01-02T00:00:00Z"}, "day", 1e300),
    ):
        body = {"filter": {"occurred": occurred}, "time_unit": unit, "time_interval": interval}
        refused = server.post("/events/count-by/time", body)
        assert refused.status == 422, refused.body
        assert "calendar" in refused.json["detail"]
