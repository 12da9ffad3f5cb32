"""Automations over HTTP: checked, kept, and said not to fire yet."""

from typing import Any

import pytest

NOBODY = "00000000-0000-0000-0000-000000000000"
SOMETHING = "11111111-1111-1111-1111-111111111111"
EVENT = {"type": "event", "posture": "Reactive", "expect": ["a.b"]}
PAIR = {"triggers": [EVENT, EVENT], "within": 60}
NOTHING = {"type": "do-nothing"}


def body(**fields: Any) -> dict[str, Any]:
    return {"name": "a", "trigger": EVENT, "actions": [NOTHING], **fields}


def make(server: Any, **fields: Any) -> str:
    """An automation's id."""
    reply = server.post("/automations/", body(**fields))
    owner = str(fields.get("owner_resource"))
    assert reply.status == (201 if owner.startswith("prefect.deployment.") else 501), reply.body
    return reply.json["id"]


def names(server: Any, given: object = None, **options: object) -> list[str]:
    listed = server.post("/automations/filter", {"automations": given, **options})
    assert listed.status == 200, listed.body
    counted = server.post("/automations/count", {"automations": given}).json
    assert options or counted == len(listed.json)
    return [each["name"] for each in listed.json]


def test_creating_says_that_it_does_not_fire_yet(server: Any):
    """501, with the automation as it is stored, and a sentence that says so."""
    reply = server.post("/automations/", body(description="d", tags=["t"], enabled=False))
    assert reply.status == 501
    made = reply.json
    assert "does not fire" in made.pop("detail")
    assert made["id"]
    assert made == server.get(f"/automations/{made['id']}").json
    assert set(made) == {
        *("id", "created", "updated", "name", "description", "enabled", "tags", "trigger"),
        *("actions", "actions_on_trigger", "actions_on_resolve"),
    }
    assert (made["description"], made["tags"], made["enabled"]) == ("d", ["t"], False)
    trigger = made["trigger"]
    assert trigger.pop("id")
    assert trigger == {
        **EVENT,
        "after": [],
        "for_each": [],
        "match": {},
        "match_related": {},
        "threshold": 1,
        "within": 0.0,
    }


def test_triggers_of_a_deployment_file_do_not_end_the_deploy(sqlite_server: Any):
    """What a deployment owns is created as far as the client is told; a header says the rest."""
    owner = "prefect.deployment.x"
    reply = sqlite_server.post("/automations/", body(owner_resource=owner))
    assert reply.status == 201
    assert "does not fire" in reply.headers["warning"]
    assert reply.json == sqlite_server.get(f"/automations/{reply.json['id']}").json


def test_an_automation_is_changed_and_deleted(server: Any):
    """PUT replaces all but the owner; PATCH enables and disables."""
    key = make(server, owner_resource="prefect.deployment.x")
    path = f"/automations/{key}"
    changed = body(name="b", trigger={**EVENT, "id": SOMETHING}, tags=["t"])
    assert server.call("PUT", path, changed).status == 204
    found = server.get(path).json
    assert (found["name"], found["tags"], found["trigger"]["id"]) == ("b", ["t"], SOMETHING)
    assert server.patch(path, {"enabled": False}).status == 204
    assert server.get(path).json["enabled"] is False
    assert server.patch(path, {"name": "x"}).status == 422
    assert server.call("PUT", path, {"name": "b"}).status == 422
    assert server.call("PUT", path, {**changed, "owner_resource": "y"}).status == 422
    assert server.delete(path).status == 204
    for gone in (
        server.get(path),
        server.delete(path),
        server.patch(path, {}),
        server.call("PUT", path, changed),
    ):
        assert gone.status == 404


def test_automations_of_a_resource(server: Any):
    """Those that it owns, and those whose triggers name it; the owner's go with it."""
    make(server, name="owned", owner_resource="prefect.deployment.x")
    match = {"prefect.resource.id": ["prefect.deployment.x", "prefect.deployment.*"]}
    about = make(server, name="about", trigger={**EVENT, "match": match})
    nested = {
        "type": "sequence",
        "triggers": [{**EVENT, "match_related": [{"prefect.resource.id": "prefect.flow.f"}]}],
        "within": None,
    }
    make(server, name="nested", trigger=nested)

    def related(resource: str) -> list[str]:
        return [each["name"] for each in server.get(f"/automations/related-to/{resource}").json]

    assert related("prefect.deployment.x") == ["about", "owned"]
    assert related("prefect.flow.f") == ["nested"]
    assert related("prefect.deployment.*") == []
    assert server.call("PUT", f"/automations/{about}", body(name="about")).status == 204
    assert related("prefect.deployment.x") == ["owned"]
    assert server.delete("/automations/owned-by/prefect.deployment.x").status == 202
    assert related("prefect.deployment.x") == []
    assert names(server) == ["about", "nested"]


def test_automations_are_listed(server: Any):
    """By name, id, tags, age and sort."""
    for name, tags in (("one", ["a"]), ("two", ["a", "b"]), ("three", [])):
        key = make(server, name=name, tags=tags)
    assert names(server) == ["one", "three", "two"]
    assert names(server, sort="NAME_DESC", limit=1, offset=1) == ["three"]
    assert names(server, sort="CREATED_DESC") == ["three", "two", "one"]
    assert names(server, {"name": {"any_": ["two", "x"]}}) == ["two"]
    assert names(server, {"id": {"any_": [key]}}) == ["three"]
    assert names(server, {"tags": {"all_": ["a", "b"]}}) == ["two"]
    assert names(server, {"tags": {"any_": ["b", "c"]}}) == ["two"]
    assert names(server, {"tags": {"is_null_": True}}) == ["three"]
    assert names(server, {"created": {"before_": "2020-01-01T00:00:00Z"}}) == []
    either = {"operator": "or_", "name": {"any_": ["three"]}, "tags": {"any_": ["b"]}}
    assert names(server, either) == ["three", "two"]


@pytest.mark.parametrize(
    "trigger",
    [
        {"posture": "Reactive"},
        {"posture": "Proactive", "within": 10},
        {**EVENT, "within": 30.5, "threshold": 5, "after": ["x"], "for_each": ["y"]},
        {**EVENT, "match": {"a": "b", "c": ["d"]}, "match_related": {"a": ["b"]}},
        {**EVENT, "match_related": [{"a": "b"}, {"c": ["d"]}]},
        {"type": "compound", "require": "all", **PAIR},
        {"require": 2, **PAIR},
        {"type": "sequence", **PAIR},
        {**PAIR},
        {"require": "any", "within": None, "triggers": [{"type": "sequence", **PAIR}, EVENT]},
    ],
)
def test_triggers_of_every_kind(sqlite_server: Any, trigger: object):
    """With their types and without; nested; what comes back has ids at every level."""
    key = make(sqlite_server, trigger=trigger)

    def check(found: dict[str, Any]) -> None:
        assert found["id"]
        assert found["type"] in ("event", "compound", "sequence")
        for inner in found.get("triggers", []):
            check(inner)

    check(sqlite_server.get(f"/automations/{key}").json["trigger"])


def test_a_proactive_trigger_waits_ten_seconds_at_least(sqlite_server: Any):
    """Where it does not say how long."""
    key = make(sqlite_server, trigger={"posture": "Proactive"})
    assert sqlite_server.get(f"/automations/{key}").json["trigger"]["within"] == 10


@pytest.mark.parametrize(
    ("trigger", "field"),
    [
        (None, "trigger"),
        ({}, "posture"),
        ({"type": "metric"}, "trigger"),
        ({"type": "event"}, "posture"),
        ({**EVENT, "posture": "Metric"}, "posture"),
        ({**EVENT, "within": -1}, "within"),
        ({**EVENT, "posture": "Proactive", "within": 9.9}, "within"),
        ({**EVENT, "match": {"a": {"b": "c"}}}, "match"),
        ({**EVENT, "expect": "a"}, "expect"),
        ({**EVENT, "id": "x"}, "id"),
        ({"type": "compound", **PAIR}, "require"),
        ({"type": "compound", "require": 3, **PAIR}, "require"),
        ({"type": "compound", "require": 0, **PAIR}, "require"),
        ({"type": "compound", "require": "some", **PAIR}, "require"),
        ({"type": "sequence", "triggers": []}, "within"),
        ({"type": "sequence", "within": 1, "triggers": [EVENT, {"type": "event"}]}, "posture"),
        ({"type": "sequence", "within": 1, "triggers": [{"require": 9, **PAIR}]}, "require"),
    ],
)
def test_bad_triggers_are_refused(sqlite_server: Any, trigger: object, field: str):
    """With the path to the field."""
    reply = sqlite_server.post("/automations/", body(trigger=trigger))
    assert reply.status == 422
    assert any(field in fault["loc"] for fault in reply.json["exception_detail"])
    assert names(sqlite_server) == []


SELECTED = [
    (f"{verb}-{thing}", f"{thing.replace('-', '_')}_id")
    for verb in ("pause", "resume")
    for thing in ("deployment", "work-queue", "work-pool", "automation")
] + [("run-deployment", "deployment_id")]


@pytest.mark.parametrize(("kind", "field"), SELECTED)
def test_an_action_on_something_selected_says_on_what(sqlite_server: Any, kind: str, field: str):
    """An id where it is selected, none where it is inferred."""
    make(sqlite_server, actions=[{"type": kind, field: NOBODY}])
    make(sqlite_server, actions=[{"type": kind, "source": "inferred"}])
    for wrong in ({}, {"source": "inferred", field: NOBODY}, {"source": "other"}):
        reply = sqlite_server.post("/automations/", body(actions=[{"type": kind, **wrong}]))
        assert reply.status == 422
        assert reply.json["exception_detail"][0]["loc"][:3] == ["body", "actions", 0]


BLOCK = {"block_document_id": NOBODY}
RUN = {"type": "run-deployment", "deployment_id": NOBODY}


@pytest.mark.parametrize(
    "action",
    [
        NOTHING,
        {},
        *({"type": f"{verb}-flow-run"} for verb in ("cancel", "delete", "suspend", "resume")),
        {"type": "change-flow-run-state", "state": "FAILED", "name": "n", "force": True},
        {"type": "send-notification", **BLOCK, "body": "{{ flow.name }}"},
        {"type": "call-webhook", **BLOCK, "payload": '{"a": "{{ b }}"}'},
        {**RUN, "parameters": {"a": {"__prefect_kind": "jinja", "template": "{{ x }}"}}},
        {**RUN, "schedule_after": 5, "job_variables": {"image": "x"}},
    ],
)
def test_actions_of_every_kind(sqlite_server: Any, action: object):
    """Wherever actions stand."""
    key = make(
        sqlite_server, actions=[action], actions_on_trigger=[action], actions_on_resolve=[action]
    )
    found = sqlite_server.get(f"/automations/{key}").json
    assert found["actions"] == found["actions_on_trigger"] == found["actions_on_resolve"]
    assert found["actions"][0]["type"]


@pytest.mark.parametrize(
    ("action", "field"),
    [
        (5, 0),
        ({"type": "explode"}, 0),
        ({"type": "change-flow-run-state"}, "state"),
        ({"type": "change-flow-run-state", "state": "ODD"}, "state"),
        ({"type": "send-notification", **BLOCK}, "body"),
        ({"type": "send-notification", "block_document_id": "x", "body": ""}, "block_document_id"),
        ({"type": "send-notification", **BLOCK, "body": "{{ x"}, "body"),
        ({"type": "send-notification", **BLOCK, "body": "", "subject": "{% if %}"}, "subject"),
        ({"type": "call-webhook", **BLOCK, "payload": "{{ x"}, "payload"),
        ({**RUN, "schedule_after": -1}, "schedule_after"),
        ({**RUN, "parameters": {"a": ["{{ x"]}}, "parameters"),
        ({**RUN, "parameters": {"a": {"__prefect_kind": "json", "value": "{"}}}, "parameters"),
    ],
)
def test_bad_actions_are_refused(sqlite_server: Any, action: object, field: object):
    """With the path to the field; one bad action refuses the automation."""
    reply = sqlite_server.post("/automations/", body(actions_on_resolve=[NOTHING, action]))
    assert reply.status == 422
    [fault] = [each for each in reply.json["exception_detail"] if field in (*each["loc"], 0)][:1]
    assert fault["loc"][:3] == ["body", "actions_on_resolve", 1]
    assert names(sqlite_server) == []


def test_every_fault_is_named_at_once(sqlite_server: Any):
    """Those in the trigger and those in the actions."""
    bad = body(
        trigger={**EVENT, "within": -1},
        actions=[{"type": "pause-deployment"}, {**RUN, "schedule_after": -1}],
    )
    reply = sqlite_server.post("/automations/", bad)
    assert [fault["loc"][1] for fault in reply.json["exception_detail"]] == [
        "trigger",
        "actions",
        "actions",
    ]


def test_deep_triggers_are_read_in_no_time(sqlite_server: Any):
    """Without types each level could be of several kinds: they are told apart, not tried out."""
    trigger: dict[str, Any] = {"posture": "Odd"}
    for _ in range(60):
        trigger = {"triggers": [trigger, EVENT]}
    reply = sqlite_server.post("/automations/", body(trigger=trigger))
    assert reply.status == 422


def test_templates_of_automations_are_checked(sqlite_server: Any):
    """As elsewhere."""
    assert sqlite_server.post("/automations/templates/validate", "{{ x }}").status == 204
    assert sqlite_server.post("/automations/templates/validate", "{{ x").status == 422
