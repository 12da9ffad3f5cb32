"""Automations."""

from __future__ import annotations

from headrace.client.http import Client
from headrace.client.requests import segment
from headrace.wire.automations import Automation, AutomationCreate


def create_automation(client: Client, body: AutomationCreate) -> Automation:
    """A new automation."""
    return client.call("POST", "/automations/", body, answer=Automation)


def delete_owned_automations(client: Client, resource: str) -> None:
    """Remove the automations that belong to a resource, as `prefect.deployment.<id>`."""
    client.call("DELETE", f"/automations/owned-by/{segment(resource)}")
