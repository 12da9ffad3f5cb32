"""Flows: what the SDK registers and the command line lists."""

from __future__ import annotations

from uuid import UUID

from headrace.client.http import Client
from headrace.client.requests import segment
from headrace.wire.flows import CountFlowsBody, Flow, FlowCreate, FlowUpdate, ReadFlowsBody


def create_flow(client: Client, body: FlowCreate) -> Flow:
    """The flow of this name, made if there was none."""
    return client.call("POST", "/flows/", body, answer=Flow, is_idempotent=True)


def read_flow(client: Client, flow_id: UUID) -> Flow:
    """A flow by id."""
    return client.call("GET", f"/flows/{flow_id}", answer=Flow)


def read_flow_by_name(client: Client, name: str) -> Flow:
    """A flow by name."""
    return client.call("GET", f"/flows/name/{segment(name)}", answer=Flow)


def list_flows(client: Client, body: ReadFlowsBody) -> list[Flow]:
    """Flows that pass the filters."""
    return client.call("POST", "/flows/filter", body, answer=list[Flow], is_idempotent=True)


def count_flows(client: Client, body: CountFlowsBody) -> int:
    """How many flows pass the filters."""
    return client.call("POST", "/flows/count", body, answer=int, is_idempotent=True)


def update_flow(client: Client, flow_id: UUID, body: FlowUpdate) -> None:
    """Change a flow's tags."""
    client.call("PATCH", f"/flows/{flow_id}", body)


def delete_flow(client: Client, flow_id: UUID) -> None:
    """Remove a flow with its deployments and runs."""
    client.call("DELETE", f"/flows/{flow_id}")
