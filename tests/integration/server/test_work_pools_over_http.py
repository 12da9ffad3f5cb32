"""Work pools, queues and workers over HTTP, as the contract's traces have them."""

from typing import Any

import pytest

POOL_KEYS = {
    "id", "created", "updated", "name", "description", "type", "base_job_template", "is_paused",
    "concurrency_limit", "status", "default_queue_id", "storage_configuration", "active_slots",
}  # fmt: skip
QUEUE_KEYS = {
    "id", "created", "updated", "name", "description", "is_paused", "concurrency_limit", "priority",
    "work_pool_id", "filter", "last_polled", "work_pool_name", "status", "active_slots",
}  # fmt: skip


def make_pool(server: Any, name: str = "p", **fields: object) -> dict[str, Any]:
    made = server.post("/work_pools/", {"name": name, "type": "process", **fields})
    assert made.status == 201, made.body
    return made.json


def queues(server: Any, pool: str = "p") -> list[tuple[str, int]]:
    listed = server.post(f"/work_pools/{pool}/queues/filter", {"limit": None, "offset": None})
    return [(queue["name"], queue["priority"]) for queue in listed.json]


def test_a_pool_is_made_with_its_default_queue(server: Any):
    pool = make_pool(server)
    assert set(pool) == POOL_KEYS
    assert (pool["status"], pool["active_slots"]) == ("NOT_READY", None)
    assert pool["storage_configuration"] == {
        "bundle_upload_step": None,
        "bundle_execution_step": None,
        "default_result_storage_block_id": None,
    }
    queue = server.get("/work_pools/p/queues/default").json
    assert set(queue) == QUEUE_KEYS
    assert (queue["id"], queue["priority"], queue["work_pool_name"]) == (
        pool["default_queue_id"], 1, "p",
    )  # fmt: skip
    assert server.get("/work_pools/p").json == pool
    assert server.get(f"/work_pools/{pool['id']}").json == pool
    assert server.post("/work_pools/filter", {}).json == [pool]
    assert server.post("/work_pools/count", {}).json == 1


def test_a_pool_is_changed_paused_and_resumed(server: Any):
    make_pool(server)
    assert server.patch("/work_pools/p", {"concurrency_limit": 3}).status == 204
    assert server.get("/work_pools/p").json["active_slots"] == 0
    server.patch("/work_pools/p", {"is_paused": True})
    assert server.get("/work_pools/p").json["status"] == "PAUSED"
    server.post("/work_pools/p/workers/heartbeat", {"name": "w", "heartbeat_interval_seconds": 30})
    assert server.get("/work_pools/p").json["status"] == "PAUSED"
    server.patch("/work_pools/p", {"is_paused": False, "concurrency_limit": None})
    pool = server.get("/work_pools/p").json
    assert (pool["status"], pool["concurrency_limit"]) == ("READY", None)
    assert server.delete("/work_pools/p").status == 204
    assert server.delete("/work_pools/p").status == 404


@pytest.mark.parametrize(
    ("body", "status", "told"),
    [
        ({"name": "a/b"}, 422, "name"),
        ({"name": ""}, 422, "name"),
        ({"name": "q", "concurrency_limit": -1}, 422, "concurrency_limit"),
        ({"name": "q", "nope": 1}, 422, "nope"),
        ({"name": "prefect-x"}, 403, "reserved"),
        ({"name": "PREFECTx"}, 403, "reserved"),
        ({"name": "q", "base_job_template": {"x": 1}}, 422, "job_configuration"),
        (
            {
                "name": "q",
                "base_job_template": {"job_configuration": {"a": "{{ b }}"}, "variables": {}},
            },
            422,
            "uses b",
        ),
    ],
)
def test_a_pool_that_cannot_be_is_refused_with_the_reason(
    sqlite_server: Any, body: object, status: int, told: str
):
    refused = sqlite_server.post("/work_pools/", body)
    assert refused.status == status
    assert told in refused.body.decode()


def test_two_pools_cannot_have_one_name(server: Any):
    make_pool(server)
    assert server.post("/work_pools/", {"name": "p", "type": "process"}).status == 409


def test_what_is_not_there_is_404(sqlite_server: Any):
    assert sqlite_server.get("/work_pools/none").json == {"detail": 'Work pool "none" not found.'}
    make_pool(sqlite_server)
    gone = sqlite_server.get("/work_pools/p/queues/none")
    assert gone.json == {"detail": "Work pool queue 'p/none' not found."}
    assert sqlite_server.post("/work_pools/none/queues", {"name": "q"}).status == 404
    assert sqlite_server.post("/work_pools/none/workers/filter", {}).status == 404
    assert sqlite_server.post("/work_pools/none/get_scheduled_flow_runs", {}).status == 404
    assert sqlite_server.delete("/work_pools/p/workers/none").status == 404


def test_queues_make_room_for_each_others_priorities(server: Any):
    make_pool(server)
    assert server.post("/work_pools/p/queues", {"name": "q1"}).json["priority"] == 2
    server.post("/work_pools/p/queues", {"name": "q2", "description": None})
    server.post("/work_pools/p/queues", {"name": "q3", "priority": 1})
    assert queues(server) == [("q3", 1), ("default", 2), ("q1", 3), ("q2", 4)]
    server.post("/work_pools/p/queues", {"name": "q4", "priority": 10})
    assert server.patch("/work_pools/p/queues/q4", {"priority": 2}).status == 204
    assert queues(server) == [("q3", 1), ("q4", 2), ("default", 3), ("q1", 4), ("q2", 5)]
    assert server.post("/work_pools/p/queues", {"name": "q1"}).status == 409
    assert server.patch("/work_pools/p/queues/q4", {"name": "q1"}).status == 409
    assert server.patch("/work_pools/p/queues/q4", {"name": "q5"}).status == 204
    assert server.delete("/work_pools/p/queues/q5").status == 204
    assert server.delete("/work_pools/p/queues/default").status == 409


def test_queues_are_found_without_their_pool(server: Any):
    make_pool(server)
    queue = server.post("/work_pools/p/queues", {"name": "q", "concurrency_limit": 2}).json
    path = f"/work_queues/{queue['id']}"
    assert server.get(path).json == queue
    assert server.get("/work_queues/name/q").json == queue
    assert server.patch(path, {"is_paused": True}).status == 204
    assert server.get(path).json["status"] == "PAUSED"
    assert [q["name"] for q in server.post("/work_queues/filter", {}).json] == ["default", "q"]
    agents = server.post("/work_queues/", {"name": "old"})
    assert (agents.status, agents.json["work_pool_name"]) == (201, "default-agent-pool")
    assert server.get("/work_pools/default-agent-pool").json["status"] is None
    assert server.delete(path).status == 204
    assert server.get(path).status == 404


def test_a_worker_is_online_from_its_first_heartbeat(server: Any):
    make_pool(server)
    beat = {"name": "w", "heartbeat_interval_seconds": 30}
    for _ in range(3):
        assert server.post("/work_pools/p/workers/heartbeat", beat).status == 204
    [worker] = server.post(
        "/work_pools/p/workers/filter", {"workers": {"status": {"any_": ["ONLINE"]}}}
    ).json
    assert (worker["name"], worker["status"], worker["heartbeat_interval_seconds"]) == (
        "w", "ONLINE", 30,
    )  # fmt: skip
    assert server.get("/work_pools/p").json["status"] == "READY"
    offline = {"workers": {"status": {"any_": ["OFFLINE"]}}}
    assert server.post("/work_pools/p/workers/filter", offline).json == []
    assert server.delete("/work_pools/p/workers/w").status == 204
    server.post("/work_pools/p/workers/heartbeat", beat)
    assert len(server.post("/work_pools/p/workers/filter", {}).json) == 1


def make_runs(server: Any, number: int, queue: str = "default", pool: str = "p") -> list[str]:
    flow = server.post("/flows/", {"name": "f"}).json
    return [
        server.post(
            "/flow_runs/",
            {
                "flow_id": flow["id"],
                "work_pool_name": pool,
                "work_queue_name": queue,
                "state": {"type": "SCHEDULED"},
            },
        ).json["id"]
        for _ in range(number)
    ]


def shown(server: Any, body: dict[str, Any], pool: str = "p") -> list[str]:
    answer = server.post(f"/work_pools/{pool}/get_scheduled_flow_runs", body)
    assert answer.status == 200, answer.body
    return [entry["flow_run"]["id"] for entry in answer.json]


def test_a_poll_shows_what_limits_let_through(server: Any):
    make_pool(server, concurrency_limit=3)
    server.post("/work_pools/p/queues", {"name": "high", "priority": 1, "concurrency_limit": 2})
    low, high = make_runs(server, 4), make_runs(server, 4, "high")
    assert shown(server, {}) == [*high[:2], low[0]]
    assert shown(server, {"limit": 1}) == high[:1]
    assert shown(server, {"work_queue_names": ["default"]}) == low[:3]
    assert shown(server, {"scheduled_before": "2020-01-01 00:00:00+00:00"}) == []
    for run in high[:2]:
        state = {"state": {"type": "PENDING"}}
        assert server.post(f"/flow_runs/{run}/set_state", state).json["status"] == "ACCEPT"
    assert shown(server, {}) == low[:1]
    assert server.get("/work_pools/p").json["active_slots"] == 2
    status = server.post("/work_pools/p/concurrency_status", {}).json
    assert [q["active_slots"] for q in status["queues"]] == [2, 0]
    assert [r["id"] for r in status["queues"][0]["flow_runs"]] == high[:2]
    queue = server.get("/work_pools/p/queues/high").json
    assert (queue["status"], queue["active_slots"]) == ("READY", 2)
    held = server.post(f"/work_queues/{queue['id']}/concurrency_status", {}).json
    assert (held["active_slots"], held["count"], held["pages"]) == (2, 2, 1)
    health = server.get(f"/work_queues/{queue['id']}/status").json
    assert (health["healthy"], health["late_runs_count"]) == (True, 0)


def test_a_paused_pool_shows_nothing(server: Any):
    make_pool(server, is_paused=True)
    [run] = make_runs(server, 1)
    assert shown(server, {}) == []
    reason = server.get(f"/headrace/flow_runs/{run}/wait_reason").json
    assert (reason["kind"], reason["resource_name"]) == ("work_pool_paused", "p")


def test_a_queue_that_a_poll_names_is_made(server: Any):
    make_pool(server)
    assert shown(server, {"work_queue_names": ["new"]}) == []
    assert queues(server) == [("default", 1), ("new", 2)]
    bad = server.post("/work_pools/p/get_scheduled_flow_runs", {"work_queue_names": ["a/b"]})
    assert bad.status == 422


def test_a_contract_worker_is_refused_beyond_the_limit(server: Any):
    make_pool(server, concurrency_limit=1)
    first, second = make_runs(server, 2)
    state = {"state": {"type": "PENDING"}}
    assert server.post(f"/flow_runs/{first}/set_state", state).json["status"] == "ACCEPT"
    answer = server.post(f"/flow_runs/{second}/set_state", state).json
    assert answer["status"] == "REJECT"
    reason = server.get(f"/headrace/flow_runs/{second}/wait_reason").json
    assert (reason["kind"], reason["limit"], reason["used"]) == ("work_pool_limit", 1, 1)
    assert [holder["flow_run_id"] for holder in reason["holders"]] == [first]
