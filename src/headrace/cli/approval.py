"""Answering a run that waits for a person: what it asks, and the typed answer."""

import time
from collections.abc import Mapping
from typing import Any, cast
from uuid import UUID

import click

from headrace.cli.documents import as_value
from headrace.client import Client, flow_runs, inputs
from headrace.errors import Conflict, ObjectNotFound
from headrace.wire.flow_runs import FlowRunResponse, ResumeFlowRunBody
from headrace.wire.orchestration import SetStateStatus, StateRejectDetails
from headrace.wire.states import StateType

Schema = Mapping[str, Any]
SETTLE_SECONDS = 5.0  # the run stores what it asks for a moment after it has paused
LOOK_SECONDS = 0.05
KINDS = {"integer": int, "number": float, "boolean": bool}


def asked_of(client: Client, run: FlowRunResponse) -> tuple[str | None, Schema | None]:
    """What a paused run says to the person, and the JSON schema of the answer it waits for."""
    keys = (run.state.state_details.run_input_keyset if run.state else None) or {}
    schema = _stored(client, run.id, keys.get("schema"), SETTLE_SECONDS)
    text = _stored(
        client, run.id, keys.get("description"), 0.0
    )  # stored before the schema, if at all
    return (
        text if isinstance(text, str) else None,
        cast("Schema", schema) if isinstance(schema, dict) else None,
    )


def _stored(client: Client, run_id: UUID, key: str | None, patience: float) -> object:
    """What is stored under a key; none where nothing is, after `patience` seconds."""
    deadline = time.monotonic() + patience
    while key:
        try:
            return inputs.read_input(client, run_id, key)
        except ObjectNotFound:
            if time.monotonic() >= deadline:
                break
            time.sleep(LOOK_SECONDS)
    return None


def ask(schema: Schema) -> dict[str, Any]:
    """Ask at the terminal for every field of the schema."""
    answers: dict[str, Any] = {}
    required = set(schema.get("required", ()))
    for name, field in schema.get("properties", {}).items():
        value = _ask_field(name, field, is_required=name in required)
        if value is not None:
            answers[name] = value
    return answers


def _ask_field(name: str, field: Schema, *, is_required: bool) -> Any:
    question = str(field.get("title") or name)
    if field.get("description"):
        question += f" ({field['description']})"
    default = field.get("default")
    if field.get("type") == "boolean":
        return click.confirm(question, default=bool(default))
    if "enum" in field:
        return click.prompt(question, type=click.Choice(field["enum"]), default=default)
    if field.get("type") in KINDS:
        return click.prompt(question, type=KINDS[field["type"]], default=default)
    answer = click.prompt(
        question,
        default="" if default is None and not is_required else default,
        show_default=bool(default),
    )
    if answer == "" and not is_required:
        return None
    return answer if field.get("type") == "string" else as_value(answer)


def resume(client: Client, run: FlowRunResponse, answers: dict[str, Any] | None) -> None:
    """Let the run go on.

    Raises:
        Conflict: The run does not wait, or the answer is not of the form it asks for.
    """
    if run.state_type is not StateType.PAUSED:
        message = f"run {run.name} is {run.state_name}, not paused: there is nothing to resume"
        raise Conflict(message)
    result = flow_runs.resume_flow_run(client, run.id, ResumeFlowRunBody(run_input=answers))
    if result.status is not SetStateStatus.ACCEPT:
        reason = result.details.reason if isinstance(result.details, StateRejectDetails) else None
        message = f"run {run.name} was not resumed: {reason or result.status}"
        raise Conflict(message)
