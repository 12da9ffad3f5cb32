"""Concurrency limits over HTTP: by name and by tag, with leases and by hand."""

from typing import Any
from uuid import uuid4

import pytest

NOBODY = str(uuid4())


def make(server: Any, name: str, limit: int, **fields: object) -> dict[str, Any]:
    reply = server.post("/v2/concurrency_limits/", {"name": name, "limit": limit, **fields})
    assert reply.status == 201, reply.body
    return reply.json


def active(server: Any, name: str) -> int:
    return server.get(f"/v2/concurrency_limits/{name}").json["active_slots"]


def take(server: Any, *names: str, slots: int = 1, **fields: object) -> Any:
    body = {"names": list(names), "slots": slots, **fields}
    return server.post("/v2/concurrency_limits/increment", body)


def lease(server: Any, *names: str, slots: int = 1, **fields: object) -> Any:
    body = {"names": list(names), "slots": slots, **fields}
    return server.post("/v2/concurrency_limits/increment-with-lease", body)


def test_a_limit_lives(server: Any):
    """Made, read by id and name, listed, changed, deleted."""
    made = make(server, "db", 2, slot_decay_per_second=0.5, denied_slots=3)
    assert set(made) == {
        *("id", "created", "updated", "name", "limit", "active", "active_slots"),
        *("denied_slots", "slot_decay_per_second", "avg_slot_occupancy_seconds"),
    }
    read = server.get("/v2/concurrency_limits/db").json
    assert read == server.get(f"/v2/concurrency_limits/{made['id']}").json
    assert read == {key: made[key] for key in read}
    make(server, "a", 1, active=False)
    listed = server.post("/v2/concurrency_limits/filter", {}).json
    assert [one["name"] for one in listed] == ["a", "db"]
    assert server.post("/v2/concurrency_limits/filter", {"limit": 1, "offset": 1}).json == [read]
    path = "/v2/concurrency_limits/db"
    assert server.patch(path, {"limit": 5, "name": "DB", "active_slots": 4}).status == 204
    assert active(server, "DB") == 4
    assert server.patch("/v2/concurrency_limits/DB", {"name": "a"}).status == 409
    for gone in (server.get(path), server.patch(path, {"limit": 1}), server.delete(path)):
        assert gone.status == 404
    assert server.delete("/v2/concurrency_limits/DB").status == 204
    assert server.get(f"/v2/concurrency_limits/{made['id']}").status == 404


@pytest.mark.parametrize(
    "body",
    [
        {"name": "a/b", "limit": 1},
        {"name": "a", "limit": -1},
        {"name": "a", "limit": 1, "slot_decay_per_second": -0.1},
        {"name": "a"},
        {"name": "a", "limit": 1, "extra": 1},
    ],
)
def test_bad_limits_are_refused(sqlite_server: Any, body: object):
    """Each is told what is wrong, and none is made."""
    assert sqlite_server.post("/v2/concurrency_limits/", body).status == 422
    assert sqlite_server.post("/v2/concurrency_limits/filter", {}).json == []


def test_slots_are_taken_and_given_back(server: Any):
    """All of the names or none; unknown names are passed over; a limit that is off has room."""
    make(server, "g", 2)
    make(server, "off", 1, active=False)
    assert [one["name"] for one in take(server, "g", "nobody").json] == ["g"]
    assert take(server, "nobody").json == []
    assert take(server, "g", slots=3).status == 422
    assert take(server, "off", slots=9).status == 200
    make(server, "h", 1)
    assert take(server, "h").status == 200
    refused = take(server, "g", "h")
    assert refused.status == 423
    assert float(refused.headers["retry-after"]) > 0
    assert active(server, "g") == 1
    body = {"names": ["g", "h"], "slots": 9, "occupancy_seconds": 3.5}
    assert len(server.post("/v2/concurrency_limits/decrement", body).json) == 2
    assert (active(server, "g"), active(server, "h")) == (0, 0)


def test_a_rate_limit_needs_decay(server: Any):
    """A limit whose slots stay is refused; one whose slots free themselves is not."""
    make(server, "fixed", 2)
    make(server, "rate", 2, slot_decay_per_second=0.01)
    assert take(server, "fixed", mode="rate_limit").status == 422
    assert take(server, "rate", slots=2, mode="rate_limit").status == 200
    assert take(server, "rate", mode="rate_limit").status == 423
    assert active(server, "rate") == 2


def test_a_lease_holds_slots(server: Any):
    """Until it is ended; ending it again does no harm; renewing one that is over is refused."""
    make(server, "g", 2)
    made = lease(server, "g", slots=2, lease_duration=60, holder={"type": "flow_run", "id": NOBODY})
    assert [one["name"] for one in made.json["limits"]] == ["g"]
    assert lease(server, "g").status == 423
    path = f"/v2/concurrency_limits/leases/{made.json['lease_id']}/renew"
    assert server.post(path, {"lease_duration": 120}).status == 204
    assert active(server, "g") == 2
    for _ in range(2):
        body = {"lease_id": made.json["lease_id"]}
        assert server.post("/v2/concurrency_limits/decrement-with-lease", body).status == 204
    assert active(server, "g") == 0
    assert server.post(path, {}).status == 410
    empty = lease(server, "nobody")
    assert (empty.status, empty.json["limits"]) == (200, [])
    path = f"/v2/concurrency_limits/leases/{empty.json['lease_id']}/renew"
    assert server.post(path, {}).status == 204
    assert lease(server, "g", lease_duration=59).status == 422


def test_slots_are_set_by_a_person(server: Any):
    """A number of active slots that is set holds, also below what leases hold: those lose theirs."""
    make(server, "g", 3)
    made = lease(server, "g", slots=2)
    assert server.patch("/v2/concurrency_limits/g", {"active_slots": 3}).status == 204
    assert active(server, "g") == 3
    assert server.patch("/v2/concurrency_limits/g", {"active_slots": 0}).status == 204
    assert active(server, "g") == 0
    body = {"lease_id": made.json["lease_id"]}
    assert server.post("/v2/concurrency_limits/decrement-with-lease", body).status == 204
    assert active(server, "g") == 0


def test_the_limit_of_a_tag(server: Any):
    """Made and changed by one call; seen as `tag:…` among the others; its holders are named."""
    made = server.post("/concurrency_limits/", {"tag": "t", "concurrency_limit": 1})
    assert made.status == 201
    again = server.post("/concurrency_limits/", {"tag": "t", "concurrency_limit": 2})
    assert (again.status, again.json["concurrency_limit"]) == (200, 2)
    assert server.get("/v2/concurrency_limits/tag:t").json["id"] == made.json["id"]
    runs = [str(uuid4()) for _ in range(3)]

    def change(word: str, run: str, *tags: str) -> Any:
        return server.post(f"/concurrency_limits/{word}", {"names": [*tags], "task_run_id": run})

    assert [one["name"] for one in change("increment", runs[0], "t", "none").json] == ["t"]
    assert change("increment", runs[1], "t").status == 200
    full = change("increment", runs[2], "t")
    assert (full.status, float(full.headers["retry-after"])) == (423, 10.0)
    assert server.get("/concurrency_limits/tag/t").json["active_slots"] == runs[:2]
    assert active(server, "tag:t") == 2
    assert lease(server, "tag:t").status == 423
    assert change("decrement", runs[0], "t").status == 200
    assert server.get(f"/concurrency_limits/{made.json['id']}").json["active_slots"] == [runs[1]]
    path = "/concurrency_limits/tag/t"
    assert server.post(f"{path}/reset", {"slot_override": runs}).status == 200
    assert server.get(path).json["active_slots"] == runs
    assert server.post(f"{path}/reset", {}).status == 200
    [listed] = server.post("/concurrency_limits/filter", {}).json
    assert (listed["tag"], listed["active_slots"]) == ("t", [])
    assert server.delete(path).status == 200
    assert (server.get(path).status, server.delete(path).status) == (404, 404)


def test_a_tag_without_slots_tells_that_waiting_is_vain(server: Any):
    """Its limit is 0: refused without a time to come back."""
    server.post("/concurrency_limits/", {"tag": "t", "concurrency_limit": 0})
    body = {"names": ["t"], "task_run_id": NOBODY}
    refused = server.post("/concurrency_limits/increment", body)
    assert refused.status == 423
    assert "retry-after" not in refused.headers


def test_a_deployments_limit_is_one_of_them(server: Any):
    """Under the name `deployment:…`: read, changed and taken away there."""
    flow = server.post("/flows/", {"name": "f"}).json["id"]
    made = server.post("/deployments/", {"name": "d", "flow_id": flow, "concurrency_limit": 3}).json
    shown = made["global_concurrency_limit"]
    path = f"/v2/concurrency_limits/{shown['name']}"
    assert server.get(path).json == shown
    assert server.get(f"/v2/concurrency_limits/{shown['id']}").json == shown
    assert server.post("/v2/concurrency_limits/filter", {}).json == [shown]
    assert server.patch(path, {"limit": 4}).status == 204
    assert server.get(path).json["limit"] == 4
    assert server.delete(path).status == 204
    assert server.get(path).status == 404
    assert server.get(f"/deployments/{made['id']}").json["global_concurrency_limit"] is None
