"""The events that changes of objects become, where it is no run's state: columns of their rows.

An event commits with the change that it tells of. Those of pools, queues and deployments are in
`work_events`.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec

from headrace.core.ids import new_id
from headrace.server.store.concurrency_limits import Limit
from headrace.server.store.database import Write
from headrace.server.store.events import INSERT_EVENT

Row = Mapping[str, Any]
"""An object's columns by name; JSON columns as text."""

Labels = dict[str, str]
EventRow = dict[str, object]

CREATED: Final = "created"
UPDATED: Final = "updated"
DELETED: Final = "deleted"

_encode = msgspec.json.Encoder().encode


def labels(kind: str, key: str, name: str | None = None, **more: str) -> Labels:
    """How an event names an object: its id, its name where that is told, and what else is said."""
    named = {"prefect.resource.id": f"prefect.{kind}.{key}"}
    if name is not None:
        named["prefect.resource.name"] = name
    return named | {f"prefect.resource.{word}": value for word, value in more.items()}


def make(
    what: str,
    resource: Labels,
    now: str,
    *,
    related: Sequence[Labels] = (),
    payload: object = None,
    follows: str | None = None,
) -> EventRow:
    """The row of an event that the server itself tells of.

    Args:
        what: `created`, `updated`, `deleted` or a status, said of the resource's kind.
        resource: The object, as `labels` has it.
        now: When it happened, as text.
        related: Other objects, each with its role.
        payload: What else there is to tell.
        follows: The id of the event before it, where they are a chain.
    """
    resource_id = resource["prefect.resource.id"]
    kind = resource_id.split(".", 2)[1]
    return {
        "id": new_id(),
        "occurred": now,
        "received": now,
        "event": f"prefect.{kind}.{what}",
        "resource_id": resource_id,
        "resource": _encode(resource).decode(),
        "related": _encode(related).decode(),
        "payload": _encode(payload or {}).decode(),
        "follows": follows,
    }


def insert(event: EventRow) -> Write:
    """The write that records it."""
    return Write(INSERT_EVENT, event)


def changes(before: Row, after: Row) -> dict[str, object] | None:
    """Which of the fields of `before` have another value, with both; none where all are alike."""
    found = [name for name in before if before[name] != after[name]]
    if not found:
        return None
    return {
        "updated_fields": found,
        "updates": {name: {"from": before[name], "to": after[name]} for name in found},
    }


def read_json(text: str | None) -> Any:
    """A JSON column's value."""
    return None if text is None else msgspec.json.decode(text)


def of_flow(what: str, flow: Row, now: str) -> EventRow:
    """A flow was made, changed or deleted."""
    payload = {
        "name": flow["name"],
        "tags": read_json(flow["tags"]),
        "labels": read_json(flow["labels"]),
    }
    return make(what, labels("flow", flow["id"], flow["name"]), now, payload=payload)


def of_variable(what: str, variable: Row, now: str) -> EventRow:
    """A variable was made, changed or deleted."""
    payload = {
        "name": variable["name"],
        "value": read_json(variable["value"]),
        "tags": read_json(variable["tags"]),
    }
    return make(what, labels("variable", variable["id"], variable["name"]), now, payload=payload)


_TOLD_OF_TYPES: Final = (
    "name",
    "slug",
    "logo_url",
    "documentation_url",
    "description",
    "code_example",
    "is_protected",
)


def of_block_type(what: str, kind: Row, now: str) -> EventRow:
    """A block type was made, changed or deleted."""
    payload = {name: kind[name] for name in _TOLD_OF_TYPES}
    return make(what, labels("block-type", kind["id"], kind["name"]), now, payload=payload)


def of_block(what: str, block: Row, now: str) -> EventRow:
    """A block was made, changed or deleted.

    Args:
        what: Which of these.
        block: `id`, `name`, `data` without its secrets, `schema_id`, `capabilities`, `type_id` and
            `type_name`.
        now: When.
    """
    kind = {"id": block["type_id"], "name": block["type_name"]}
    return make(
        what,
        labels("block-document", block["id"], block["name"]),
        now,
        related=[
            labels("block-type", block["type_id"], block["type_name"], role="block-type"),
            labels("block-schema", block["schema_id"], role="block-schema"),
        ],
        payload={
            "name": block["name"],
            "data": block["data"],
            "block_schema": {"block_type": kind, "capabilities": block["capabilities"]},
        },
    )


def of_limit(what: str, limit: Limit, now: str) -> EventRow:
    """A concurrency limit was made, changed or deleted."""
    payload = {
        "name": limit.name,
        "limit": limit.limit,
        "active": limit.active,
        "slot_decay_per_second": limit.decay,
    }
    return make(what, labels("concurrency-limit", limit.id, limit.name), now, payload=payload)


def of_collection(what: str, collection_id: str, latest: Row, now: str) -> EventRow:
    """The artifacts of a key have a new latest one, their first, or none any more."""
    payload = {
        "key": latest["key"],
        "type": latest["type"],
        "description": latest["description"],
        "data": read_json(latest["data"]),
    }
    related = [labels("artifact", latest["id"], role="latest")]
    for kind in ("flow-run", "task-run"):
        run_id = latest[kind.replace("-", "_") + "_id"]
        if run_id is not None:
            related.append(labels(kind, run_id, role=kind))
    resource = labels("artifact-collection", collection_id, latest["key"])
    return make(what, resource, now, related=related, payload=payload)
