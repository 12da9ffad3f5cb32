"""Inputs of flow runs as the server stores them: JSON under a key."""

import json
from collections.abc import Set
from typing import Any
from uuid import UUID

from headrace.client import inputs
from headrace.context import FlowRunContext
from headrace.engine.api import api
from headrace.engine.serialization import as_json_parameters
from headrace.errors import MissingContextError
from headrace.wire.flow_run_inputs import (
    CreateFlowRunInputBody,
    FilterFlowRunInputBody,
    FlowRunInput,
)


def ensure_flow_run_id(flow_run_id: UUID | None) -> UUID:
    """The id given, or that of the flow run that runs here.

    Raises:
        MissingContextError: There is neither.
    """
    if flow_run_id is not None:
        return UUID(str(flow_run_id))
    context = FlowRunContext.get()
    if context is None:
        message = "No flow run is running here. Say which one, as flow_run_id=…"
        raise MissingContextError(message)
    return context.flow_run.id


def create_flow_run_input(
    key: str, value: Any, flow_run_id: UUID | None = None, sender: str | None = None
) -> None:
    """Store a value for a flow run.

    Args:
        key: Where.
        value: What JSON can hold.
        flow_run_id: By default the run that runs here.
        sender: Who sends it, as `headrace.flow-run.{id}`.
    """
    body = CreateFlowRunInputBody(key=key, value=_json(value), sender=sender)
    inputs.create_input(api(), ensure_flow_run_id(flow_run_id), body)


def create_flow_run_input_from_model(
    key: str, model_instance: Any, flow_run_id: UUID | None = None, sender: str | None = None
) -> None:
    """Store a pydantic model for a flow run."""
    body = CreateFlowRunInputBody(key=key, value=model_instance.model_dump_json(), sender=sender)
    inputs.create_input(api(), ensure_flow_run_id(flow_run_id), body)


def read_flow_run_input(key: str, flow_run_id: UUID | None = None) -> Any:
    """The value under a key.

    Raises:
        ObjectNotFound: There is none.
    """
    return inputs.read_input(api(), ensure_flow_run_id(flow_run_id), key)


def filter_flow_run_input(
    key_prefix: str,
    limit: int = 1,
    exclude_keys: Set[str] | None = None,
    flow_run_id: UUID | None = None,
) -> list[FlowRunInput]:
    """The inputs whose keys begin so, oldest first.

    Args:
        key_prefix: What the keys begin with.
        limit: How many at most.
        exclude_keys: Those seen already.
        flow_run_id: By default the run that runs here.
    """
    body = FilterFlowRunInputBody(
        prefix=key_prefix, limit=limit, exclude_keys=sorted(exclude_keys or ())
    )
    return inputs.list_inputs(api(), ensure_flow_run_id(flow_run_id), body)


def delete_flow_run_input(key: str, flow_run_id: UUID | None = None) -> None:
    """Remove a value."""
    inputs.delete_input(api(), ensure_flow_run_id(flow_run_id), key)


def _json(value: Any) -> str:
    return json.dumps(as_json_parameters({"value": value})["value"])
