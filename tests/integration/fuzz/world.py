"""One object of every noun and more, made over the API, and where each is found."""

import hashlib
import re
from collections import defaultdict
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl, urlsplit
from uuid import uuid4

from tests.integration.fuzz.caller import Caller

Thing = dict[str, Any]


class World:
    """A server's objects by noun, the newest last."""

    def __init__(self, caller: Caller) -> None:
        self.caller = caller
        self._made = 0
        self.things: dict[str, list[Thing]] = defaultdict(list)
        self.things["view"].append({"view": "aggregate-worker-metadata"})
        self.things["countable"] += [{"countable": by} for by in ("day", "time", "event")]

    def fill(self) -> "World":
        """Make an object of each noun."""
        for noun in NEW:
            self.make(noun)
        link = self.caller.call("POST", "/events/filter", {"limit": 1}).json["next_page"]
        if link is not None:
            self.things["page"].append(dict(parse_qsl(urlsplit(link).query)))
        return self

    def make(self, noun: str) -> Thing:
        """Make one more."""
        self._made += 1
        method, path, describe = NEW[noun]
        body = describe(self, f"{noun.replace('_', '-')}-{self._made}")
        reply = self.caller.call(method, self.address(path), body)
        assert reply.status < 300, f"{noun}: {reply.status} {reply.body[:500]!r}"
        sent = body[0] if isinstance(body, list) else body
        sent = {} if isinstance(sent, bytes) else sent
        answer = reply.json if reply.body else None
        answer = answer[0] if isinstance(answer, list) else answer
        thing = self.things[noun]
        thing.append({**sent, **(answer or {}), **_belongings(self, noun)})
        return thing[-1]

    def newest(self, noun: str) -> Thing:
        return self.things[noun][-1]

    def address(self, path: str, thing: Thing | None = None) -> str:
        """A declared path, of this object or the newest one there."""
        return re.sub(r"{(\w+)}", lambda part: self.parameters(path, thing)[part[1]], path)

    def parameters(self, path: str, thing: Thing | None = None) -> dict[str, str]:
        """What stands for the path's parameters; none where it has none."""
        place = find_place(path)
        if place is None:
            return {}
        noun, fields = place
        chosen = self.newest(noun) if thing is None else thing
        return {parameter: str(chosen[field]) for parameter, field in fields.items()}


def find_place(path: str) -> tuple[str, dict[str, str]] | None:
    """The noun that a declared path is about, and its fields by the path's parameters."""
    for start, place in PLACES.items():
        if path == start or path.startswith(f"{start}/"):
            return place
    assert "{" not in path, f"{path} is missing from PLACES"
    return None


def moment(hours: float = 0.0) -> str:
    """A time that lies so far from now."""
    return (datetime.now(UTC) + timedelta(hours=hours)).isoformat()


def _belongings(world: World, noun: str) -> Thing:
    """What an object's answer does not tell and its path needs."""
    match noun:
        case "deployment":
            return {"flow_name": world.newest("flow")["name"]}
        case "block_document":
            return {"slug": world.newest("block_type")["slug"]}
        case "worker":
            return {"pool": world.newest("work_pool")["name"]}
        case "bundle":
            return {"sha256": BUNDLE_NAME}
        case "input":
            return {"flow_run_id": world.newest("flow_run")["id"]}
        case _:
            return {}


def _flow_run(world: World, name: str) -> Thing:
    tags = [world.newest("tag_limit")["tag"]]
    return {"flow_id": world.newest("flow")["id"], "name": name, "tags": tags}


def _task_run(world: World, name: str) -> Thing:
    run = world.newest("flow_run")["id"]
    state = {"type": "PENDING"}
    return {"flow_run_id": run, "task_key": "t", "dynamic_key": name, "name": name, "state": state}


def _deployment(world: World, name: str) -> Thing:
    return {
        "name": name,
        "flow_id": world.newest("flow")["id"],
        "work_pool_name": world.newest("work_pool")["name"],
        "parameter_openapi_schema": {"type": "object", "properties": {"x": {"type": "integer"}}},
    }


def _artifact(world: World, name: str) -> Thing:
    return {
        "key": name,
        "type": "markdown",
        "data": "x",
        "flow_run_id": world.newest("flow_run")["id"],
    }


def _block_document(world: World, name: str) -> Thing:
    return {
        "name": name,
        "data": {"a": "b"},
        "block_type_id": world.newest("block_type")["id"],
        "block_schema_id": world.newest("block_schema")["id"],
    }


def _automation(_: World, name: str) -> Thing:
    return {
        "name": name,
        "trigger": {"type": "event", "posture": "Reactive", "expect": ["x"]},
        "actions": [{"type": "do-nothing"}],
        "owner_resource": f"prefect.deployment.{uuid4()}",
    }


def _log(world: World, name: str) -> list[Thing]:
    run = world.newest("flow_run")["id"]
    return [{"name": "a", "level": 20, "message": name, "timestamp": moment(), "flow_run_id": run}]


def _event(world: World, name: str) -> list[Thing]:
    resource = {"prefect.resource.id": f"thing.{name}"}
    return [{"event": "made", "id": str(uuid4()), "occurred": moment(), "resource": resource}]


Describe = Callable[[World, str], Any]

# What makes an object of each noun, those that others need first.
BUNDLE = b"code"
BUNDLE_NAME = hashlib.sha256(BUNDLE).hexdigest()

NEW: dict[str, tuple[str, str, Describe]] = {
    "bundle": ("PUT", f"/headrace/bundles/{BUNDLE_NAME}", lambda _, name: BUNDLE),
    "flow": ("POST", "/flows/", lambda _, name: {"name": name}),
    "tag_limit": (
        "POST",
        "/concurrency_limits/",
        lambda _, tag: {"tag": tag, "concurrency_limit": 9},
    ),
    "flow_run": ("POST", "/flow_runs/", _flow_run),
    "task_run": ("POST", "/task_runs/", _task_run),
    "input": ("POST", "/flow_runs/{id}/input", lambda _, key: {"key": key, "value": "1"}),
    "work_pool": ("POST", "/work_pools/", lambda _, name: {"name": name, "type": "process"}),
    "work_queue": ("POST", "/work_pools/{pool}/queues", lambda _, name: {"name": name}),
    "worker": ("POST", "/work_pools/{pool}/workers/heartbeat", lambda _, name: {"name": name}),
    "deployment": ("POST", "/deployments/", _deployment),
    "schedule": (
        "POST",
        "/deployments/{id}/schedules",
        lambda _, slug: [{"schedule": {"interval": 86400}, "slug": slug}],
    ),
    "log": ("POST", "/logs/", _log),
    "artifact": ("POST", "/artifacts/", _artifact),
    "variable": ("POST", "/variables/", lambda _, name: {"name": name, "value": 1}),
    "limit": ("POST", "/v2/concurrency_limits/", lambda _, name: {"name": name, "limit": 9}),
    "lease": (
        "POST",
        "/v2/concurrency_limits/increment-with-lease",
        lambda world, _: {"names": [world.newest("limit")["name"]], "slots": 1},
    ),
    "block_type": ("POST", "/block_types/", lambda _, name: {"name": name, "slug": name}),
    "block_schema": (
        "POST",
        "/block_schemas/",
        lambda world, name: {
            "block_type_id": world.newest("block_type")["id"],
            "fields": {"a": name},
        },
    ),
    "block_document": ("POST", "/block_documents/", _block_document),
    "automation": ("POST", "/automations/", _automation),
    "saved_search": ("PUT", "/saved_searches/", lambda _, name: {"name": name}),
    "event": ("POST", "/events", _event),
}

_ID = {"id": "id"}
# Which noun a path is about, and its fields by the path's parameters; a longer path comes first.
PLACES: dict[str, tuple[str, dict[str, str]]] = {
    "/headrace/bundles/{sha256}": ("bundle", {"sha256": "sha256"}),
    "/work_pools/{pool}/queues/{name}": ("work_queue", {"pool": "work_pool_name", "name": "name"}),
    "/work_pools/{pool}/workers/{name}": ("worker", {"pool": "pool", "name": "name"}),
    "/work_pools/{pool}": ("work_pool", {"pool": "name"}),
    "/work_pools/{name}": ("work_pool", {"name": "name"}),
    "/work_queues/{id}": ("work_queue", _ID),
    "/work_queues/name/{name}": ("work_queue", {"name": "name"}),
    "/deployments/{id}/schedules/{schedule_id}": (
        "schedule",
        {"id": "deployment_id", "schedule_id": "id"},
    ),
    "/deployments/{id}": ("deployment", _ID),
    "/deployments/name/{flow_name}/{deployment_name}": (
        "deployment",
        {"flow_name": "flow_name", "deployment_name": "name"},
    ),
    "/flow_runs/{id}/input/{key}": ("input", {"id": "flow_run_id", "key": "key"}),
    "/flow_runs/{id}": ("flow_run", _ID),
    "/headrace/flow_runs/{id}": ("flow_run", _ID),
    "/flow_run_states/{id}": ("flow_run", {"id": "state_id"}),
    "/task_runs/{id}": ("task_run", _ID),
    "/ui/task_runs/{id}": ("task_run", _ID),
    "/task_run_states/{id}": ("task_run", {"id": "state_id"}),
    "/flows/{id}": ("flow", _ID),
    "/flows/name/{name}": ("flow", {"name": "name"}),
    "/artifacts/{id}": ("artifact", _ID),
    "/artifacts/{key}": ("artifact", {"key": "key"}),
    "/variables/{id}": ("variable", _ID),
    "/variables/name/{name}": ("variable", {"name": "name"}),
    "/v2/concurrency_limits/leases/{lease_id}": ("lease", {"lease_id": "lease_id"}),
    "/v2/concurrency_limits/{id_or_name}": ("limit", {"id_or_name": "name"}),
    "/concurrency_limits/{id}": ("tag_limit", _ID),
    "/concurrency_limits/tag/{tag}": ("tag_limit", {"tag": "tag"}),
    "/block_types/slug/{slug}/block_documents/name/{block_document_name}": (
        "block_document",
        {"slug": "slug", "block_document_name": "name"},
    ),
    "/block_types/slug/{slug}": ("block_type", {"slug": "slug"}),
    "/block_types/{id}": ("block_type", _ID),
    "/block_schemas/{id}": ("block_schema", _ID),
    "/block_schemas/checksum/{checksum}": ("block_schema", {"checksum": "checksum"}),
    "/block_documents/{id}": ("block_document", _ID),
    "/automations/{id}": ("automation", _ID),
    "/automations/related-to/{resource_id}": ("automation", {"resource_id": "owner_resource"}),
    "/automations/owned-by/{resource_id}": ("automation", {"resource_id": "owner_resource"}),
    "/saved_searches/{id}": ("saved_search", _ID),
    "/collections/views/{view}": ("view", {"view": "view"}),
    "/events/count-by/{countable}": ("countable", {"countable": "countable"}),
}
