"""What pages ask for: counts, charts, forms, templates, saved searches."""

from typing import Any

import pytest

NOBODY = "00000000-0000-0000-0000-000000000000"
KIND = "__prefect_kind"


@pytest.fixture
def world(server: Any) -> dict[str, str]:
    """Two flows, one with deployments, runs and task runs."""
    ids: dict[str, str] = {}

    def make(path: str, name: str, **fields: object) -> str:
        reply = server.post(path, {"name": name, **fields})
        assert reply.status in (200, 201), reply.body
        ids[name] = reply.json["id"]
        return ids[name]

    def schedule(at: str) -> dict[str, object]:
        return {"type": "SCHEDULED", "state_details": {"scheduled_time": at}}

    flow = make("/flows/", "busy")
    make("/flows/", "idle")
    for name in ("d1", "d2"):
        make("/deployments/", name, flow_id=flow)
    make("/flow_runs/", "late", flow_id=flow, state=schedule("2031-01-01T00:00:00Z"))
    make("/flow_runs/", "soon", flow_id=flow, state=schedule("2030-01-01T00:00:00Z"))
    run = make("/flow_runs/", "running", flow_id=flow, state={"type": "RUNNING"})
    task = {"flow_run_id": run, "task_key": "t"}
    first = make("/task_runs/", "t1", **task, dynamic_key="1")
    used = {
        "x": [{"input_type": "task_run", "id": first}],
        "y": [{"input_type": "parameter", "name": "p"}],
    }
    second = make("/task_runs/", "t2", **task, dynamic_key="2", task_inputs=used)
    make("/task_runs/", "t3", **task, dynamic_key="3")
    for key, states in ((first, ("RUNNING", "COMPLETED")), (second, ("RUNNING", "FAILED"))):
        for state in states:
            server.post(f"/task_runs/{key}/set_state", {"state": {"type": state}})
    return ids


def test_counts_beside_lists(server: Any, world: dict[str, str]):
    """For every id that was asked for, known or not."""
    runs = [world["running"], world["soon"], NOBODY]
    counted = server.post("/ui/flow_runs/count-task-runs", {"flow_run_ids": runs}).json
    assert counted == dict(zip(runs, (3, 0, 0), strict=True))
    flows = [world["busy"], world["idle"], NOBODY]
    counted = server.post("/ui/flows/count-deployments", {"flow_ids": flows}).json
    assert counted == dict(zip(flows, (2, 0, 0), strict=True))
    following = server.post("/ui/flows/next-runs", {"flow_ids": flows}).json
    assert following[world["busy"]] == {
        "id": world["soon"],
        "flow_id": world["busy"],
        "name": "soon",
        "state_name": "Scheduled",
        "state_type": "SCHEDULED",
        "next_scheduled_start_time": "2030-01-01T00:00:00.000000Z",
    }
    assert (following[world["idle"]], following[NOBODY]) == (None, None)
    assert server.post("/ui/flows/next-runs", {}).status == 422


def test_runs_as_dots_of_a_chart(server: Any, world: dict[str, str]):
    """Type, time, how long, how late; filtered and sorted as lists are."""
    body = {"flows": {"name": {"any_": ["busy"]}}, "sort": "EXPECTED_START_TIME_ASC"}
    dots = server.post("/ui/flow_runs/history", body).json
    assert [dot["id"] for dot in dots] == [world["running"], world["soon"], world["late"]]
    assert set(dots[0]) == {"id", "state_type", "timestamp", "duration", "lateness"}
    assert dots[0]["duration"] > 0
    assert (dots[1]["duration"], dots[1]["timestamp"]) == (0, "2030-01-01T00:00:00.000000Z")
    assert len(server.post("/ui/flow_runs/history", {"limit": 1, "offset": 1}).json) == 1
    assert server.post("/ui/flow_runs/history", {"limit": 1001}).status == 422


def test_task_runs_by_state_and_over_time(server: Any, world: dict[str, str]):
    """Every state is there; the chart has twenty parts."""
    wanted = {"flow_runs": {"id": {"any_": [world["running"]]}}}
    counts = server.post("/ui/task_runs/count", wanted).json
    assert {state: number for state, number in counts.items() if number} == {
        "COMPLETED": 1,
        "FAILED": 1,
        "PENDING": 1,
    }
    assert len(counts) == 9
    day = {"after_": "2020-01-01T00:00:00Z"}
    parts = server.post("/ui/task_runs/dashboard/counts", {"task_runs": {"start_time": day}}).json
    assert len(parts) == 20
    assert parts[-1] == {"completed": 1, "failed": 1}
    assert parts[0] == {"completed": 0, "failed": 0}
    for task_runs in ({}, {"start_time": {"before_": "2020-01-01T00:00:00Z"}}):
        refused = server.post("/ui/task_runs/dashboard/counts", {"task_runs": task_runs})
        assert refused.status == 422


def test_a_task_run_with_its_flow_runs_name(server: Any, world: dict[str, str]):
    """The task run as elsewhere, and the name."""
    shown = server.get(f"/ui/task_runs/{world['t1']}").json
    assert shown.pop("flow_run_name") == "running"
    assert shown == server.get(f"/task_runs/{world['t1']}").json
    assert server.get(f"/ui/task_runs/{NOBODY}").status == 404


def test_the_older_graph(server: Any, world: dict[str, str]):
    """Task runs, each with those whose results it used."""
    shown = server.get(f"/flow_runs/{world['running']}/graph").json
    assert [each["name"] for each in shown] == ["t1", "t2", "t3"]
    assert shown[1]["upstream_dependencies"] == [{"input_type": "task_run", "id": world["t1"]}]
    assert (shown[1]["state"]["type"], shown[0]["upstream_dependencies"]) == ("FAILED", [])
    assert server.get(f"/flow_runs/{NOBODY}/graph").status == 404


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (None, None),
        ("{{ flow_run|ui_url }} {% for x in y %}{{ x }}{% endfor %}", None),
        ("one\n{{ two", 2),
        ("{% if x %}", 1),
        ("{% for i in x %}{% endfor %}" * 11, 0),
        ("{% for i in x %}{% for j in x %}{% for k in x %}" + "{% endfor %}" * 3, 0),
    ],
)
def test_templates_are_checked(sqlite_server: Any, text: str | None, line: int | None):
    """Syntax, and how many loops; the answer names the line."""
    reply = sqlite_server.post("/templates/validate", text)
    if line is None:
        assert (reply.status, reply.body) == (204, b"")
    else:
        assert reply.status == 422
        assert (reply.json["error"]["line"], reply.json["error"]["source"]) == (line, text)


SCHEMA = {
    "type": "object",
    "required": ["n"],
    "properties": {
        "n": {"type": "integer"},
        "words": {"type": "array", "items": {"type": "string"}},
        "inner": {"$ref": "#/definitions/inner"},
    },
    "definitions": {
        "inner": {"type": "object", "required": ["x"], "properties": {"x": {"type": "number"}}}
    },
}


@pytest.mark.parametrize(
    ("values", "errors"),
    [
        ({"n": 1, "extra": True}, []),
        ({}, [{"property": "n", "errors": ["'n' is a required property"]}]),
        (
            {"n": 1, "words": ["a", 1]},
            [
                {
                    "property": "words",
                    "errors": [{"index": 1, "errors": ["1 is not of type 'string'"]}],
                }
            ],
        ),
        (
            {"n": 1, "inner": {}},
            [
                {
                    "property": "inner",
                    "errors": [{"property": "x", "errors": ["'x' is a required property"]}],
                }
            ],
        ),
        ({"n": {KIND: "json", "value": "5"}}, []),
        (
            {"n": {KIND: "json", "value": '"5"'}},
            [{"property": "n", "errors": ["'5' is not of type 'integer'"]}],
        ),
        ({"n": {KIND: "json"}}, [{"property": "n", "errors": ["'n' is a required property"]}]),
        ({"n": {KIND: "jinja", "template": "{{ x }}"}}, []),
        ({"n": {KIND: "workspace_variable", "variable_name": "five"}}, []),
        (
            {"n": {KIND: "workspace_variable", "variable_name": "six"}},
            [{"property": "n", "errors": ["There is no variable 'six'."]}],
        ),
    ],
)
def test_forms_are_checked(sqlite_server: Any, values: object, errors: list[object]):
    """Each fault at its field, as a tree; values that stand for others are opened first."""
    sqlite_server.post("/variables/", {"name": "five", "value": 5})
    reply = sqlite_server.post("/ui/schemas/validate", {"schema": SCHEMA, "values": values})
    assert (reply.status, reply.json) == (200, {"errors": errors, "valid": not errors})


@pytest.mark.parametrize("broken", [{"type": "bogus"}, {"$ref": "#/definitions/none"}])
def test_a_form_needs_a_schema(sqlite_server: Any, broken: object):
    """One that is none is named as such."""
    body = {"schema": {"type": "object", "properties": {"a": broken}}, "values": {"a": 1}}
    reply = sqlite_server.post("/ui/schemas/validate", body)
    assert reply.status == 422
    assert reply.json["detail"].startswith("Invalid schema: ")


def test_searches_are_saved_under_their_names(server: Any):
    """Saving again replaces the filters and keeps the id."""
    part = {"object": "flow", "property": "name", "type": "string", "operation": "is", "value": [1]}
    made = server.call("PUT", "/saved_searches/", {"name": "mine", "filters": [part]})
    assert (made.status, made.json["filters"]) == (201, [part])
    again = server.call("PUT", "/saved_searches/", {"name": "mine"})
    assert (again.status, again.json["id"], again.json["filters"]) == (200, made.json["id"], [])
    server.call("PUT", "/saved_searches/", {"name": "another"})
    path = f"/saved_searches/{made.json['id']}"
    assert server.get(path).json == again.json
    listed = server.post("/saved_searches/filter", {}).json
    assert [each["name"] for each in listed] == ["another", "mine"]
    second = server.post("/saved_searches/filter", {"limit": 1, "offset": 1}).json
    assert [each["name"] for each in second] == ["mine"]
    assert server.call("PUT", "/saved_searches/", {"name": "x", "filters": [{}]}).status == 422
    assert server.delete(path).status == 204
    assert (server.delete(path).status, server.get(path).status) == (404, 404)
