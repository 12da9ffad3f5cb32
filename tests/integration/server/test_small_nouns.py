"""Variables, logs and flow run inputs over HTTP."""

from typing import Any

import pytest

NOBODY = "00000000-0000-0000-0000-000000000000"


@pytest.fixture
def run_id(server: Any) -> str:
    """A flow run."""
    flow = server.post("/flows/", {"name": "f"}).json["id"]
    return server.post("/flow_runs/", {"flow_id": flow}).json["id"]


def test_a_variable_lives(server: Any):
    """Made, read by id and name, changed, deleted; names and sizes checked; the name is unique."""
    made = server.post("/variables/", {"name": "v", "value": {"a": [1, None]}, "tags": ["x"]})
    assert made.status == 201
    assert set(made.json) == {"id", "created", "updated", "name", "value", "tags"}
    assert made.json["value"] == {"a": [1, None]}
    key = made.json["id"]
    assert server.get(f"/variables/{key}").json == made.json
    assert server.get("/variables/name/v").json == made.json
    twice = server.post("/variables/", {"name": "v", "value": 2})
    assert (twice.status, twice.json["detail"]) == (
        409,
        "A variable with the name 'v' already exists.",
    )
    assert server.patch("/variables/name/v", {"value": None}).status == 204
    assert server.patch(f"/variables/{key}", {"name": "w", "tags": []}).status == 204
    changed = server.get(f"/variables/{key}").json
    assert (changed["name"], changed["value"], changed["tags"]) == ("w", None, [])
    server.post("/variables/", {"name": "taken", "value": 1})
    assert server.patch("/variables/name/w", {"name": "taken"}).status == 409
    assert server.delete("/variables/name/w").status == 204
    assert server.delete(f"/variables/{key}").status == 404
    assert server.get("/variables/name/w").status == 404
    assert server.patch("/variables/name/w", {}).status == 404


@pytest.mark.parametrize(
    "body", [{"name": "Bad Name", "value": 1}, {"name": "big", "value": "x" * 5001}, {"name": "v"}]
)
def test_bad_variables_are_refused(sqlite_server: Any, body: object):
    """A name of other characters, a value too large, none at all."""
    assert sqlite_server.post("/variables/", body).status == 422


def test_variables_are_listed(server: Any):
    """By name, tags and sort."""
    for name, tags in (("one", ["a"]), ("two", ["a", "b"]), ("three", [])):
        server.post("/variables/", {"name": name, "value": name, "tags": tags})

    def names(given: object = None, **body: object) -> list[str]:
        reply = server.post("/variables/filter", {"variables": given, **body})
        return [entry["name"] for entry in reply.json]

    assert names() == ["one", "three", "two"]
    assert names(sort="NAME_DESC", limit=1) == ["two"]
    assert names({"tags": {"all_": ["a", "b"]}}) == ["two"]
    assert names({"tags": {"is_null_": True}}) == ["three"]
    assert names({"name": {"like_": "T"}, "operator": "or_", "tags": {"all_": ["a"]}}) == [
        "one",
        "three",
        "two",
    ]
    assert server.post("/variables/count", {"variables": {"name": {"any_": ["one"]}}}).json == 1


def test_logs_are_stored_and_found(server: Any, run_id: str):
    """Naive times are UTC; a bad line refuses the batch; filters and text search."""
    lines = [
        {"name": "n", "level": 20, "message": "hello world", "timestamp": "2026-01-01T00:00:00"},
        {
            "name": "n",
            "level": 40,
            "message": 'two\nlines "q"',
            "timestamp": "2026-01-01T00:00:02Z",
        },
        {"name": "n", "level": 10, "message": "HELLO again", "timestamp": "2026-01-01T00:00:01Z"},
    ]
    lines[0]["flow_run_id"] = lines[1]["flow_run_id"] = run_id
    reply = server.post("/logs/", lines)
    assert (reply.status, reply.json) == (201, None)
    assert server.post("/logs", []).status == 201
    assert server.post("/logs/", [*lines, {"name": "n"}]).status == 422

    def messages(given: object = None, **body: object) -> list[str]:
        reply = server.post("/logs/filter", {"logs": given, **body})
        assert reply.status == 200, reply.body
        return [line["message"].split()[0] for line in reply.json]

    assert messages() == ["hello", "HELLO", "two"]
    assert messages(sort="TIMESTAMP_DESC") == ["two", "HELLO", "hello"]
    assert messages({"flow_run_id": {"any_": [run_id]}}) == ["hello", "two"]
    assert messages({"level": {"ge_": 20, "le_": 30}}) == ["hello"]
    assert messages({"timestamp": {"after_": "2026-01-01T00:00:01"}}) == ["HELLO", "two"]
    assert messages({"text": {"query": "hello -world"}}) == ["HELLO"]
    assert messages({"text": {"query": '"hello world" lines'}}) == ["hello", "two"]
    assert messages({"text": {"query": "+hello +again"}}) == ["HELLO"]
    assert messages({"text": {"query": "100%"}}) == []
    first = server.post("/logs/filter", {"limit": 1}).json[0]
    assert set(first) == {
        *("id", "created", "updated", "name", "level", "message", "timestamp"),
        *("flow_run_id", "task_run_id"),
    }
    assert first["timestamp"] == "2026-01-01T00:00:00.000000Z"


def test_a_large_batch_of_logs_is_kept_whole(server: Any, run_id: str):
    """More lines than one unit of the store takes, and the download in portions."""
    lines = [
        {
            "name": "n",
            "level": 20,
            "message": f"line {at}",
            "timestamp": "2026-01-01T00:00:00Z",
            "flow_run_id": run_id,
        }
        for at in range(1203)
    ]
    assert server.post("/logs/", lines).status == 201
    reply = server.get(f"/flow_runs/{run_id}/logs/download")
    assert reply.headers["content-type"].startswith("text/csv")
    rows = reply.body.decode().splitlines()
    assert rows[0] == "timestamp,level,flow_run_id,task_run_id,message"
    assert {row.rpartition(",")[2] for row in rows[1:]} == {f"line {at}" for at in range(1203)}
    assert server.get(f"/flow_runs/{NOBODY}/logs/download").status == 404


def test_inputs_of_a_flow_run(server: Any, run_id: str):
    """Keys are unique in a run; values come back as they were sent; prefixes are literal."""
    base = f"/flow_runs/{run_id}/input"
    made = server.post(base, {"key": "a-1", "value": '{"x":1}'})
    assert (made.status, made.json) == (201, None)
    assert server.post(base, {"key": "a-1", "value": "2"}).status == 409
    assert server.post(base, {"key": "a_2", "value": "plain", "sender": "s"}).status == 201
    nobody = server.post(f"/flow_runs/{NOBODY}/input", {"key": "k", "value": "v"})
    assert (nobody.status, nobody.json) == (404, {"detail": "Flow run not found"})
    assert server.get(f"{base}/a-1").body == b'{"x":1}'
    assert server.get(f"{base}/a_2").body == b"plain"
    assert server.get(f"{base}/zz").status == 404

    def keys(**body: object) -> list[str]:
        return [entry["key"] for entry in server.post(f"{base}/filter", body).json]

    assert keys(prefix="a") == ["a-1"]
    assert keys(prefix="a", limit=5) == ["a-1", "a_2"]
    assert keys(prefix="a_", limit=5) == ["a_2"]
    assert keys(prefix="a", limit=5, exclude_keys=["a-1"]) == ["a_2"]
    assert server.post(f"{base}/filter", {"limit": 5}).status == 422
    assert server.delete(f"{base}/a-1").status == 204
    assert server.delete(f"{base}/a-1").status == 404
