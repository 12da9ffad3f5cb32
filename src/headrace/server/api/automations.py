"""HTTP of automations."""

import logging

import msgspec

from headrace.server.api.errors import CODE_HEADER
from headrace.server.api.lists import choose_limit
from headrace.server.api.operations import Answer, Call, Operations
from headrace.server.api.pages import TEMPLATE, check_template
from headrace.server.services import automations
from headrace.server.store.automations import SHAPE
from headrace.wire.automations import (
    Automation,
    AutomationCreate,
    AutomationPartialUpdate,
    AutomationUpdate,
    CountAutomationsBody,
    ReadAutomationsBody,
)
from headrace.wire.decode import encode

operations = Operations("automations")
logger = logging.getLogger("headrace.server")

# What the ids of deployments begin with, as resources.
_DEPLOYMENT = "prefect.deployment."

_NOT_FIRED = (
    "Automation {id} is stored and can be read, changed and deleted, but this version of Headrace "
    "does not fire automations yet: it will not act. Delete it if something else is to do its work."
)


@operations.post("/automations/", AutomationCreate, returns=Automation, status=201, unfinished=True)
async def create_automation(call: Call[AutomationCreate]) -> Answer:
    """Keep an automation. Answers 501, with the automation: it is stored and does not fire yet.

    One that a deployment owns is the `triggers` of a deployment file. A refusal would end the command
    in the middle of its deployments: the answer is 201, and a header and the server's log say it.
    """
    row = await automations.create_automation(
        call.services.database, call.services.signals, call.body
    )
    made = SHAPE.encode(row)
    detail = _NOT_FIRED.format(id=row[SHAPE.positions["id"]])
    if (call.body.owner_resource or "").startswith(_DEPLOYMENT):
        logger.warning("%s", detail)
        return Answer(201, made, headers=((b"warning", f'199 headrace "{detail}"'.encode()),))
    fields = msgspec.json.decode(made, type=dict[str, msgspec.Raw])
    body = encode({"detail": msgspec.Raw(encode(detail)), **fields})
    return Answer(501, body, headers=((CODE_HEADER, b"not_implemented"),))


@operations.get("/automations/{id:uuid}", returns=Automation)
async def read_automation(call: Call[None]) -> bytes:
    """Read an automation."""
    return SHAPE.encode(await automations.read_automation(call.services.database, call.path["id"]))


@operations.put("/automations/{id:uuid}", AutomationUpdate, status=204)
async def replace_automation(call: Call[AutomationUpdate]) -> None:
    """Change all of an automation but its owner."""
    await automations.replace_automation(
        call.services.database, call.services.signals, call.path["id"], call.body
    )


@operations.patch("/automations/{id:uuid}", AutomationPartialUpdate)
async def enable_automation(call: Call[AutomationPartialUpdate]) -> None:
    """Enable or disable an automation."""
    await automations.enable_automation(
        call.services.database, call.services.signals, call.path["id"], enabled=call.body.enabled
    )


@operations.delete("/automations/{id:uuid}")
async def delete_automation(call: Call[None]) -> None:
    """Delete an automation."""
    await automations.delete_automation(
        call.services.database, call.services.signals, call.path["id"]
    )


@operations.post("/automations/filter", ReadAutomationsBody, returns=list[Automation])
async def read_automations(call: Call[ReadAutomationsBody]) -> bytes:
    """List automations."""
    body = call.body
    rows = await automations.list_automations(
        call.services.database,
        body.automations,
        body.sort,
        limit=choose_limit(call.services.config, body.limit),
        offset=body.offset,
    )
    return SHAPE.encode_list(rows)


@operations.post("/automations/count", CountAutomationsBody, returns=int)
async def count_automations(call: Call[CountAutomationsBody]) -> bytes:
    """Count automations."""
    given = call.body.automations
    return encode(await automations.count_automations(call.services.database, given))


@operations.get("/automations/related-to/{resource_id}", returns=list[Automation])
async def read_related_automations(call: Call[None]) -> bytes:
    """List the automations that a resource owns, or that are about it."""
    resource = call.path["resource_id"]
    return SHAPE.encode_list(await automations.list_related(call.services.database, resource))


@operations.delete("/automations/owned-by/{resource_id}", status=202)
async def delete_owned_automations(call: Call[None]) -> None:
    """Delete the automations that a resource owns."""
    await automations.delete_owned(call.services.database, call.path["resource_id"])


@operations.post("/automations/templates/validate", TEMPLATE, status=204)
async def validate_automation_template(call: Call[str | None]) -> Answer:
    """Check a template's syntax."""
    return check_template(call.body)
