"""SQL of automations."""

from collections.abc import Iterable
from typing import Final

from sqlalchemy import bindparam, delete, insert, select, update

from headrace.server.store import object_events as events
from headrace.server.store.database import Params, Row, Statement, Write
from headrace.server.store.schema import automation, automation_resource
from headrace.server.store.shapes import RowShape
from headrace.wire.automations import Automation

SHAPE: Final = RowShape(Automation, automation.c)

_is_it = automation.c.id == bindparam("automation_id")

BY_ID: Final = Statement(SHAPE.select.where(_is_it))
OWNER: Final = Statement(select(automation.c.owner_resource).where(_is_it))
RELATED: Final = Statement(
    SHAPE.select.where(
        automation.c.id.in_(
            select(automation_resource.c.automation_id).where(
                automation_resource.c.resource_id == bindparam("resource_id")
            )
        )
    ).order_by(automation.c.name, automation.c.id)
)
DELETE: Final = Statement(delete(automation).where(_is_it))
DELETE_OWNED: Final = Statement(
    delete(automation).where(automation.c.owner_resource == bindparam("resource_id"))
)
ENABLE: Final = Statement(
    update(automation)
    .where(_is_it)
    .values(enabled=bindparam("is_enabled"), updated=bindparam("now"))
)

_INSERT: Final = Statement(insert(automation))
_INSERT_RESOURCE: Final = Statement(insert(automation_resource))
_DELETE_RESOURCES: Final = Statement(
    delete(automation_resource).where(
        automation_resource.c.automation_id == bindparam("automation_id")
    )
)
_CHANGEABLE: Final = (
    "name",
    "description",
    "enabled",
    "tags",
    "trigger",
    "actions",
    "actions_on_trigger",
    "actions_on_resolve",
    "updated",
)
_REPLACE: Final = Statement(
    update(automation)
    .where(_is_it)
    .values({name: bindparam(f"new_{name}") for name in _CHANGEABLE})
)


def event_of(what: str, row: Row, now: str) -> events.EventRow:
    """The event of an automation that was made, changed or deleted, of a row of `SHAPE`."""
    named = SHAPE.named(row)
    resource = events.labels("automation", named["id"], named["name"])
    return events.make(what, resource, now, payload=SHAPE.fill(row))


def create(values: Params, resources: Iterable[str]) -> list[Write]:
    """The unit that makes an automation."""
    return [Write(_INSERT, values), *_relate(values["id"], resources)]


def replace(automation_id: str, values: Params, resources: Iterable[str]) -> list[Write]:
    """The unit that changes all of an automation but its owner."""
    params = {f"new_{name}": values[name] for name in _CHANGEABLE}
    return [
        Write(_REPLACE, {**params, "automation_id": automation_id}, expect=1),
        Write(_DELETE_RESOURCES, {"automation_id": automation_id}),
        *_relate(automation_id, resources),
    ]


def _relate(automation_id: str, resources: Iterable[str]) -> list[Write]:
    rows = [
        {"resource_id": resource, "automation_id": automation_id}
        for resource in dict.fromkeys(resources)
    ]
    return [Write(_INSERT_RESOURCE, rows)] if rows else []
