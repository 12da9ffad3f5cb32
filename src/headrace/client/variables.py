"""Variables: named values that flows, deployments and templates read."""

from __future__ import annotations

from uuid import UUID

from headrace.client.http import Client
from headrace.client.requests import segment
from headrace.wire.variables import (
    CountVariablesBody,
    ReadVariablesBody,
    Variable,
    VariableCreate,
    VariableUpdate,
)


def create_variable(client: Client, body: VariableCreate) -> Variable:
    """A new variable.

    Raises:
        ObjectAlreadyExists: There is a variable of this name.
    """
    return client.call("POST", "/variables/", body, answer=Variable)


def read_variable(client: Client, variable_id: UUID) -> Variable:
    """A variable by id."""
    return client.call("GET", f"/variables/{variable_id}", answer=Variable)


def read_variable_by_name(client: Client, name: str) -> Variable:
    """A variable by name."""
    return client.call("GET", f"/variables/name/{segment(name)}", answer=Variable)


def list_variables(client: Client, body: ReadVariablesBody) -> list[Variable]:
    """Variables that pass the filter."""
    return client.call("POST", "/variables/filter", body, answer=list[Variable], is_idempotent=True)


def count_variables(client: Client, body: CountVariablesBody) -> int:
    """How many variables pass the filter."""
    return client.call("POST", "/variables/count", body, answer=int, is_idempotent=True)


def update_variable(client: Client, name: str, body: VariableUpdate) -> None:
    """Change a variable; fields left UNSET stay."""
    client.call("PATCH", f"/variables/name/{segment(name)}", body)


def delete_variable(client: Client, name: str) -> None:
    """Remove a variable."""
    client.call("DELETE", f"/variables/name/{segment(name)}")
