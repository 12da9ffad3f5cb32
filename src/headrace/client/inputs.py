"""Inputs of flow runs: typed values sent to a run while it goes on."""

from __future__ import annotations

from uuid import UUID

from headrace.client.http import Client
from headrace.client.requests import segment
from headrace.wire.flow_run_inputs import (
    CreateFlowRunInputBody,
    FilterFlowRunInputBody,
    FlowRunInput,
)


def create_input(client: Client, flow_run_id: UUID, body: CreateFlowRunInputBody) -> None:
    """Store a value under a key of a flow run.

    Raises:
        ObjectAlreadyExists: The key is taken.
    """
    client.call("POST", f"/flow_runs/{flow_run_id}/input", body)


def list_inputs(
    client: Client, flow_run_id: UUID, body: FilterFlowRunInputBody
) -> list[FlowRunInput]:
    """The inputs whose key begins with a prefix, oldest first."""
    return client.call(
        "POST",
        f"/flow_runs/{flow_run_id}/input/filter",
        body,
        answer=list[FlowRunInput],
        is_idempotent=True,
    )


def read_input(client: Client, flow_run_id: UUID, key: str) -> object:
    """The value under a key."""
    return client.call("GET", f"/flow_runs/{flow_run_id}/input/{segment(key)}", answer=object)


def delete_input(client: Client, flow_run_id: UUID, key: str) -> None:
    """Remove a value."""
    client.call("DELETE", f"/flow_runs/{flow_run_id}/input/{segment(key)}")
