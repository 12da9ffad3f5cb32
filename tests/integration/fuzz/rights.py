"""A request to each operation that must succeed."""

from collections.abc import Callable
from typing import Any, NamedTuple
from urllib.parse import parse_qsl, urlsplit
from uuid import uuid4

from msgspec import inspect

from headrace.server.api.operations import Operation
from tests.integration.fuzz.catalogue import NOBODY, declared_path, label, sample
from tests.integration.fuzz.world import BUNDLE, NEW, World, find_place, moment

# It refuses everybody, as the contract's server does where it is not set up to do otherwise.
NEVER = frozenset({"GET /csrf-token"})

# What these take away is an object that was made for it, as with every DELETE.
_TAKERS = {
    "POST /v2/concurrency_limits/decrement-with-lease": "lease",
    "POST /flows/bulk_delete": "flow",
    "POST /flow_runs/bulk_delete": "flow_run",
    "POST /deployments/bulk_delete": "deployment",
}


class Request(NamedTuple):
    """What is sent to an operation."""

    path_parameters: dict[str, str]
    query: dict[str, str]
    body: Any


def is_taking(operation: Operation) -> bool:
    """Whether objects are gone after it."""
    return operation.method == "DELETE" or label(operation) in _TAKERS


def right_request(world: World, operation: Operation) -> Request:
    """A request that succeeds. It may make an object first."""
    name, path = label(operation), declared_path(operation)
    taken = _TAKERS.get(name)
    place = find_place(path)
    if operation.method == "DELETE" and place is not None:
        taken = place[0]
    thing = None if taken is None else world.make(taken)
    query = QUERIES[name](world) if name in QUERIES else {}
    if name in BODIES:
        body = BODIES[name](world)
    elif (describe := _MAKERS.get(name)) is not None:
        body = describe(world, f"right-{uuid4().hex[:8]}")
    else:
        body = None if operation.body is None else sample(inspect.type_info(operation.body))
    request = Request(world.parameters(path), query, body)
    if taken is not None:
        world.things[taken].remove(thing)
    return request


_MAKERS = {f"{method} {path}": describe for method, path, describe in NEW.values()}


def _history(_: World) -> Any:
    span = {"history_start": moment(-1), "history_end": moment(1)}
    return span | {"history_interval_seconds": 600}


def _take_slots(world: World) -> Any:
    return {"names": [world.newest("limit")["name"]], "slots": 1}


def _take_tag_slots(world: World) -> Any:
    return {"names": [world.newest("tag_limit")["tag"]], "task_run_id": NOBODY}


def _new_automation(world: World) -> Any:
    body = NEW["automation"][2](world, "right")
    del body["owner_resource"]
    return body


def _newest(noun: str, key: str) -> Callable[[World], Any]:
    """A filter that only the newest of a noun meets."""
    return lambda world: {key: {"id": {"any_": [world.newest(noun)["id"]]}}}


def _next_page(world: World) -> dict[str, str]:
    """The second page of events, which are two at least."""
    page = world.caller.call("POST", "/events/filter", {"limit": 1}).json
    return dict(parse_qsl(urlsplit(page["next_page"]).query))


# Bodies that are right, where the smallest that the type allows is not.
BODIES: dict[str, Callable[[World], Any]] = {
    "PUT /admin/storage": lambda world: {
        "default_result_storage_block_id": world.newest("block_document")["id"]
    },
    "PUT /headrace/bundles/{sha256}": lambda _: BUNDLE,
    "POST /work_queues/": lambda _: {"name": f"right-{uuid4().hex[:8]}"},
    "POST /deployments/{id}/create_flow_run": lambda _: {},
    "POST /deployments/{id}/create_flow_run/bulk": lambda _: [{}],
    "POST /flows/bulk_delete": _newest("flow", "flows"),
    "POST /flow_runs/bulk_delete": _newest("flow_run", "flow_runs"),
    "POST /deployments/bulk_delete": _newest("deployment", "deployments"),
    "POST /flow_runs/history": _history,
    "POST /task_runs/history": _history,
    "POST /v2/concurrency_limits/increment": _take_slots,
    "POST /v2/concurrency_limits/decrement": _take_slots,
    "POST /v2/concurrency_limits/decrement-with-lease": lambda world: {
        "lease_id": world.newest("lease")["lease_id"]
    },
    "POST /concurrency_limits/increment": _take_tag_slots,
    "POST /concurrency_limits/decrement": _take_tag_slots,
    "PUT /automations/{id}": _new_automation,
    "POST /headrace/claims": lambda world: {
        "claim_id": str(uuid4()),
        "owner": "fuzz",
        "work_pool_name": world.newest("work_pool")["name"],
    },
    "POST /templates/validate": lambda _: "{{ a }}",
    "POST /automations/templates/validate": lambda _: "{{ event }}",
    "POST /ui/task_runs/dashboard/counts": lambda _: {
        "task_runs": {"start_time": {"after_": moment(-1), "before_": moment()}}
    },
    "POST /ui/schemas/validate": lambda world: {
        "schema": {"type": "object", "properties": {"a": {"type": "string"}}},
        "values": {"a": "b"},
    },
}

QUERIES: dict[str, Callable[[World], dict[str, str]]] = {
    "GET /csrf-token": lambda _: {"client": "x"},
    "GET /events/filter/next": _next_page,
    "GET /flow_run_states/": lambda world: {"flow_run_id": world.newest("flow_run")["id"]},
    "GET /task_run_states/": lambda world: {"task_run_id": world.newest("task_run")["id"]},
}
