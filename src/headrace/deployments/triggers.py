"""The triggers of a deployment: events that make a run of it, each an automation that it owns."""

from collections.abc import Mapping
from typing import Any, cast
from uuid import UUID

import msgspec

from headrace.client.automations import create_automation, delete_owned_automations
from headrace.client.http import Client
from headrace.wire.automations import AutomationCreate, RunDeployment
from headrace.wire.decode import decode, encode

_OF_AUTOMATION = ("name", "description", "enabled")
_OF_RUN = ("parameters", "job_variables", "schedule_after")
_NESTED = "triggers"


def make_automation(given: Mapping[str, Any], deployment: str, number: int) -> AutomationCreate:
    """The automation of one trigger, counted from 0. Raises `ValidationFailed`."""
    about = {name: given[name] for name in _OF_AUTOMATION if given.get(name) is not None}
    run = {name: given[name] for name in _OF_RUN if given.get(name) is not None}
    trigger = {k: v for k, v in given.items() if k not in {*_OF_AUTOMATION, *_OF_RUN}}
    body = {
        "name": f"{deployment}__automation_{number + 1}",
        **about,
        "trigger": _complete(trigger),
        "actions": [{"type": "run-deployment", "source": "selected", **run}],
    }
    return decode(AutomationCreate, encode(body))


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
