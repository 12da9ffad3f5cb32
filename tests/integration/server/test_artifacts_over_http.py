"""Artifacts over HTTP: one by one, and the newest of each key."""

from typing import Any

import pytest

NOBODY = "00000000-0000-0000-0000-000000000000"


def make(server: Any, **fields: object) -> dict[str, Any]:
    reply = server.post("/artifacts/", fields)
    assert reply.status == 201, reply.body
    return reply.json


def newest(server: Any) -> dict[str, object]:
    """Data of the newest artifact by key."""
    return {each["key"]: each["data"] for each in server.post("/artifacts/latest/filter", {}).json}


def test_an_artifact_lives(server: Any):
    """Made, read, changed field by field, deleted."""
    made = make(server, key="report", type="markdown", data={"a": [1]}, metadata_={"k": "v"})
    assert set(made) == {
        *("id", "created", "updated", "key", "type", "description", "data", "metadata_"),
        *("flow_run_id", "task_run_id"),
    }
    path = f"/artifacts/{made['id']}"
    assert server.get(path).json == made
    assert server.patch(path, {"description": "d"}).status == 204
    assert server.patch(path, {"data": "x", "metadata_": None}).status == 204
    changed = server.get(path).json
    assert (changed["description"], changed["data"], changed["metadata_"]) == ("d", "x", None)
    assert (changed["key"], changed["created"]) == ("report", made["created"])
    assert changed["updated"] > made["updated"]
    assert server.patch(path, {"key": "other"}).status == 422
    assert server.delete(path).status == 204
    for gone in (server.get(path), server.delete(path), server.patch(path, {"data": 1})):
        assert gone.status == 404


@pytest.mark.parametrize("body", [{"key": "My Key"}, {"metadata_": {"a": 1}}, {"extra": 1}])
def test_bad_artifacts_are_refused(sqlite_server: Any, body: object):
    """A key of other characters, metadata that is no text, a field that is none."""
    assert sqlite_server.post("/artifacts/", body).status == 422


def test_the_newest_of_a_key_is_known(server: Any):
    """Each key has one collection, which follows its newest artifact through changes and deletion."""
    first = make(server, key="k", data="first")
    second = make(server, key="k", data="second")
    make(server, data="without a key")
    [collection] = server.post("/artifacts/latest/filter", {}).json
    assert (collection["latest_id"], collection["data"]) == (second["id"], "second")
    assert collection["id"] not in (first["id"], second["id"])
    assert (collection["created"], collection["updated"]) == (first["created"], second["updated"])
    latest = server.get("/artifacts/k/latest").json
    assert (latest["id"], latest["data"]) == (collection["id"], "second")
    server.patch(f"/artifacts/{first['id']}", {"data": "FIRST"})
    assert newest(server) == {"k": "second"}
    server.patch(f"/artifacts/{second['id']}", {"data": "SECOND"})
    assert newest(server) == {"k": "SECOND"}
    server.delete(f"/artifacts/{second['id']}")
    assert newest(server) == {"k": "FIRST"}
    assert server.get("/artifacts/k/latest").json["id"] == collection["id"]
    server.delete(f"/artifacts/{first['id']}")
    assert newest(server) == {}
    assert server.get("/artifacts/k/latest").status == 404


@pytest.fixture
def world(server: Any) -> dict[str, str]:
    """Runs of two flows, a task run, and what they left."""
    ids: dict[str, str] = {}
    for name in ("etl", "other"):
        ids[name] = server.post("/flows/", {"name": name}).json["id"]
        body = {"flow_id": ids[name], "tags": [name]}
        ids[f"run of {name}"] = server.post("/flow_runs/", body).json["id"]
    run, other = ids["run of etl"], ids["run of other"]
    task = {"flow_run_id": run, "task_key": "t", "dynamic_key": "0", "name": "extract"}
    ids["task"] = server.post("/task_runs/", task).json["id"]
    make(server, key="a1", type="markdown", data="1", flow_run_id=run)
    make(server, key="a1", type="table", data="2", flow_run_id=other)
    make(server, key="a2", type="table", data="3", flow_run_id=run, task_run_id=ids["task"])
    make(server, key="b1", data="4", task_run_id=ids["task"])
    make(server, data="5")
    make(server, data="6", flow_run_id=run)
    return ids


def test_artifacts_are_listed(server: Any, world: dict[str, str]):
    """By their own fields, by their runs, tasks and flows; counts agree with lists."""

    def found(**body: object) -> tuple[str, str]:
        texts: list[str] = []
        for path in ("/artifacts", "/artifacts/latest"):
            listed = server.post(f"{path}/filter", body)
            assert listed.status == 200, listed.body
            assert server.post(f"{path}/count", body).json == len(listed.json)
            texts.append("".join(sorted(each["data"] for each in listed.json)))
        return texts[0], texts[1]

    assert found() == ("123456", "234")
    assert found(artifacts={"key": {"exists_": True}}) == ("1234", "234")
    assert found(artifacts={"key": {"exists_": False}}) == ("56", "")
    assert found(artifacts={"key": {"like_": "A"}}) == ("123", "23")
    assert found(artifacts={"key": {"any_": ["a1"]}, "type": {"any_": ["markdown"]}}) == ("1", "")
    assert found(artifacts={"type": {"not_any_": ["table"]}}) == ("1", "")
    assert found(
        artifacts={"operator": "or_", "key": {"any_": ["b1"]}, "type": {"any_": ["table"]}}
    ) == ("234", "234")
    assert found(artifacts={"flow_run_id": {"any_": [world["run of etl"]]}}) == ("136", "3")
    assert found(artifacts={"task_run_id": {"any_": [world["task"]]}}) == ("34", "34")
    assert found(flow_runs={"tags": {"all_": ["other"]}}) == ("2", "2")
    assert found(flows={"name": {"any_": ["etl"]}}) == ("136", "3")
    assert found(task_runs={"name": {"any_": ["extract"]}}) == ("34", "34")
    assert found(flow_runs={}) == ("1236", "23")
    assert found(deployments={}) == ("", "")

    def ordered(path: str, sort: str) -> str:
        listed = server.post(path, {"sort": sort}).json
        return "".join(each["data"] for each in listed)

    assert ordered("/artifacts/filter", "CREATED_DESC") == "654321"
    assert ordered("/artifacts/filter", "ID_DESC") == "654321"
    assert ordered("/artifacts/latest/filter", "KEY_ASC") == "234"
    assert ordered("/artifacts/latest/filter", "UPDATED_DESC") == "432"
    second = server.post("/artifacts/filter", {"sort": "CREATED_DESC", "limit": 1, "offset": 1})
    assert [each["data"] for each in second.json] == ["5"]
    assert server.post("/artifacts/filter", {"limit": 100_000}).status == 422


def test_a_graph_shows_what_was_left(server: Any, world: dict[str, str]):
    """At the task that made it or at the run; the data only of a progress."""
    run, task = world["run of etl"], world["task"]
    server.post(f"/task_runs/{task}/set_state", {"state": {"type": "RUNNING"}})
    make(server, type="progress", data=12.5, flow_run_id=run, task_run_id=task)
    make(server, type="result", data="x", flow_run_id=run, task_run_id=task)
    graph = server.get(f"/flow_runs/{run}/graph-v2").json
    shown = [(each["key"], each["is_latest"], each["data"]) for each in graph["artifacts"]]
    assert shown == [("a1", False, None), (None, True, None)]
    [[_, node]] = graph["nodes"]
    assert [(each["type"], each["data"]) for each in node["artifacts"]] == [
        ("table", None),
        ("progress", 12.5),
    ]


def test_what_is_deleted_with_a_run(server: Any, world: dict[str, str]):
    """A run's artifacts go with it, but for the newest of a key: a report outlives its run."""
    assert server.delete(f"/task_runs/{world['task']}").status == 204
    assert server.delete(f"/flow_runs/{world['run of etl']}").status == 204
    left = server.post("/artifacts/filter", {}).json
    assert sorted(each["data"] for each in left) == ["2", "3", "4", "5"]
    assert newest(server) == {"a1": "2", "a2": "3", "b1": "4"}


def test_what_is_asked_of_one_attribute_is_asked_at_once(server: Any):
    """Also where the attributes of a filter are joined by `or_`."""
    for key in (None, "a", "b"):
        make(server, key=key, type="markdown" if key else "table")
    given = {
        1: {"key": {"any_": ["a"], "exists_": True}},
        0: {"type": {"any_": ["table"], "not_any_": ["table"]}},
        2: {"key": {"any_": ["a"]}, "type": {"any_": ["table"]}},
    }
    for count, artifacts in given.items():
        asked = {"artifacts": artifacts | {"operator": "or_"}}
        assert server.post("/artifacts/count", asked).json == count
