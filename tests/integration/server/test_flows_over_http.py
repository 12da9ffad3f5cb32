"""Flows over HTTP: statuses and bodies as the contract's traces have them."""

from typing import Any
from uuid import uuid4

import pytest

NOBODY = "00000000-0000-0000-0000-000000000000"


def test_a_flow_is_made_once(server: Any):
    """201 and then 200 with the same flow; the name decides."""
    made = server.post("/flows/", {"name": "e", "tags": ["a"], "labels": {"n": 1}})
    assert made.status == 201
    assert set(made.json) == {"id", "created", "updated", "name", "tags", "labels"}
    assert made.json["labels"] == {"n": 1}
    assert made.json["created"].endswith("Z")
    again = server.post("/flows", {"name": "e", "tags": ["other"]})
    assert again.status == 200
    assert again.json == made.json


def test_a_flow_is_read_changed_and_deleted(server: Any):
    """By id in any spelling, by name, with and without the last slash."""
    flow = server.post("/flows/", {"name": "with space"}).json
    for path in (
        f"/flows/{flow['id']}",
        f"/flows/{flow['id']}/",
        f"/flows/{flow['id'].upper().replace('-', '')}",
        "/flows/name/with%20space",
        f"/accounts/{uuid4()}/workspaces/{uuid4()}/flows/{flow['id']}",
    ):
        assert server.get(path).json == flow, path
    assert server.patch(f"/flows/{flow['id']}", {"tags": ["x"]}).status == 204
    changed = server.get(f"/flows/{flow['id']}").json
    assert changed["tags"] == ["x"]
    assert changed["updated"] > flow["updated"]
    assert server.patch(f"/flows/{flow['id']}", {}).status == 204
    gone = server.delete(f"/flows/{flow['id']}")
    assert (gone.status, gone.body) == (204, b"")
    assert server.get(f"/flows/{flow['id']}").status == 404


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "detail"),
    [
        ("GET", f"/flows/{NOBODY}", None, 404, "Flow not found"),
        ("GET", "/flows/name/none", None, 404, "Flow not found"),
        ("PATCH", f"/flows/{NOBODY}", {"tags": []}, 404, "Flow not found"),
        ("DELETE", f"/flows/{NOBODY}", None, 404, "Flow not found"),
        ("GET", "/flows/not-a-uuid", None, 404, "Not Found"),
        ("GET", "/nope", None, 404, "Not Found"),
        ("GET", "//nope", None, 404, "Not Found"),
        ("PUT", "/flows/", None, 405, "Method Not Allowed"),
    ],
)
def test_refusals(
    sqlite_server: Any, method: str, path: str, body: object, status: int, detail: str
):
    """What is not there, told as the contract tells it."""
    reply = sqlite_server.call(method, path, body)
    assert (reply.status, reply.json) == (status, {"detail": detail})


def test_lists_counts_and_pages(server: Any):
    """Filtered, sorted, bounded."""
    for name in ("beta", "alpha", "Gamma"):
        server.post("/flows/", {"name": name, "tags": ["greek", name]})
    server.post("/flows/", {"name": "other"})

    def names(**body: object) -> list[str]:
        reply = server.post("/flows/filter", body)
        assert reply.status == 200, reply.body
        return [flow["name"] for flow in reply.json]

    assert sorted(names()) == ["Gamma", "alpha", "beta", "other"]
    assert names(sort="NAME_DESC", flows={"name": {"any_": ["alpha", "beta"]}}) == ["beta", "alpha"]
    assert names(flows={"name": {"like_": "AMM"}}) == ["Gamma"]
    assert len(names(flows={"tags": {"all_": ["greek"]}})) == 3
    assert names(flows={"tags": {"all_": ["greek", "beta"]}}) == ["beta"]
    assert names(flows={"tags": {"is_null_": True}}) == ["other"]
    assert names(
        flows={"operator": "or_", "name": {"any_": ["other"]}, "tags": {"all_": ["beta"]}}
    ) == ["beta", "other"]
    assert names(flows={"id": {"any_": []}}) == []
    assert names(flow_runs={}) == []
    assert names(deployments={}) == []
    assert names(flows=None, flow_runs=None, limit=None) == names()
    assert len(names(limit=3, offset=2)) == 2
    assert names(limit=0) == []
    assert server.post("/flows/count", {}).json == 4
    assert server.post("/flows/count").json == 4
    assert server.post("/flows/count", {"flows": {"tags": {"all_": ["greek"]}}}).json == 3
    page = server.post("/flows/paginate", {"limit": 3, "page": 2}).json
    assert {key: page[key] for key in ("count", "limit", "pages", "page")} == {
        "count": 4,
        "limit": 3,
        "pages": 2,
        "page": 2,
    }
    assert len(page["results"]) == 1
    assert server.post("/flows/paginate", {"limit": 3, "page": 9}).json["results"] == []


@pytest.mark.parametrize(
    ("limit", "detail"),
    [
        (201, "Invalid limit: must be less than or equal to 200."),
        (-1, "Invalid limit: must be greater than or equal to 0."),
    ],
)
def test_the_bound_of_lists(sqlite_server: Any, limit: int, detail: str):
    """A list is never longer than the configured bound."""
    reply = sqlite_server.post("/flows/filter", {"limit": limit})
    assert (reply.status, reply.json) == (422, {"detail": detail})


def test_deleting_a_flow_takes_its_runs_along(server: Any):
    """Also many flows at once."""
    flow = server.post("/flows/", {"name": "f"}).json["id"]
    runs = [
        server.post("/flow_runs/", {"flow_id": flow, "state": {"type": "SCHEDULED"}}).json["id"]
        for _ in range(3)
    ]
    server.post("/flows/", {"name": "kept"})
    reply = server.post("/flows/bulk_delete", {"flows": {"name": {"any_": ["f", "none"]}}})
    assert reply.json == {"deleted": [flow]}
    assert [server.get(f"/flow_runs/{run}").status for run in runs] == [404] * 3
    assert server.get("/flows/name/kept").status == 200


def test_a_bad_body_is_answered_with_every_fault(sqlite_server: Any):
    """The shape of the contract's 422."""
    reply = sqlite_server.post("/flows/", {"tags": [1], "extra": 1})
    assert reply.status == 422
    assert reply.json["exception_message"] == "Invalid request received."
    assert reply.json["request_body"] == {"tags": [1], "extra": 1}
    assert [(f["type"], f["loc"]) for f in reply.json["exception_detail"]] == [
        ("missing", ["body", "name"]),
        ("string_type", ["body", "tags", 0]),
        ("extra_forbidden", ["body", "extra"]),
    ]
    assert reply.headers["x-headrace-error"] == "validation_failed"
    nonsense = sqlite_server.call("POST", "/flows/", raw=b"nonsense")
    assert nonsense.status == 422
    assert nonsense.json["request_body"] == "nonsense"
    assert nonsense.json["exception_detail"][0]["type"] == "json_invalid"


def test_odd_characters_do_no_harm(server: Any):
    """NUL and half surrogate pairs are replaced; PostgreSQL could not store them."""
    reply = server.call("POST", "/flows/", raw=b'{"name":"a\\u0000b\\ud800","tags":["\\u0000"]}')
    assert reply.status == 201
    assert reply.json["name"] == "a\ufffdb\ufffd"
    assert server.get("/flows/name/a%EF%BF%BDb%EF%BF%BD").json["tags"] == ["\ufffd"]
    assert server.get("/flows/name/%00").status in (404, 422)
    assert server.get("/flows/name/%FF").status == 404
