"""The triggers of a deployment: events that make a run of it, each an automation that it owns."""

from collections.abc import Mapping, Sequence
from typing import Any, cast
from uuid import UUID

import msgspec

from headrace.client.automations import create_automation, delete_owned_automations
from headrace.client.http import Client
from headrace.deployments.project.document import Document, Place
from headrace.deployments.project.entries import describe
from headrace.errors import ConfigurationError, ValidationFailed
from headrace.wire.automations import AutomationCreate, RunDeployment
from headrace.wire.decode import decode, encode

_OF_AUTOMATION = ("name", "description", "enabled")
_OF_RUN = ("parameters", "job_variables", "schedule_after")
_NESTED = "triggers"


def read_triggers(
    given: Sequence[Mapping[str, Any]], deployment: str, document: Document, place: Place
) -> list[AutomationCreate]:
    """The automations that triggers describe; which deployment they run is not known yet.

    Args:
        given: As the file has them.
        deployment: Its name, by which a trigger without a name is called.
        document: The file, for messages.
        place: Where in it the list is.

    Raises:
        ConfigurationError: One is no trigger; names the field and the line.
    """
    made: list[AutomationCreate] = []
    for number, one in enumerate(given):
        about = {name: one[name] for name in _OF_AUTOMATION if one.get(name) is not None}
        run = {name: one[name] for name in _OF_RUN if one.get(name) is not None}
        trigger = {k: v for k, v in one.items() if k not in {*_OF_AUTOMATION, *_OF_RUN}}
        body = {
            "name": f"{deployment}__automation_{number + 1}",
            **about,
            "trigger": _complete(trigger),
            "actions": [{"type": "run-deployment", "source": "selected", **run}],
        }
        try:
            made.append(decode(AutomationCreate, encode(body)))
        except ValidationFailed as error:
            raise ConfigurationError(describe(error, document, (*place, number))) from None
    return made


def _complete(trigger: Mapping[str, Any]) -> dict[str, Any]:
    """A trigger with what may be left out of it in a file."""
    nested = trigger.get(_NESTED)
    if not isinstance(nested, list):
        return {"type": "event", "posture": "Reactive", **trigger}
    inner = [
        _complete(cast("Mapping[str, Any]", one)) if isinstance(one, Mapping) else one
        for one in cast("list[Any]", nested)
    ]
    return {"within": None, **trigger, _NESTED: inner}


def replace_triggers(
    client: Client, deployment_id: UUID, automations: list[AutomationCreate]
) -> None:
    """Have a deployment own these automations, and no others.

    Raises:
        HeadraceError: The API refuses, or does not answer.
    """
    owner = f"prefect.deployment.{deployment_id}"
    delete_owned_automations(client, owner)
    for one in automations:
        runs = [
            msgspec.structs.replace(action, deployment_id=deployment_id)
            for action in one.actions
            if isinstance(action, RunDeployment)
        ]
        create_automation(
            client,
            msgspec.structs.replace(one, owner_resource=owner, actions=list(runs)),
        )
