"""One deployment of a file, its placeholders filled: the fields that it may have, and their types."""

from difflib import get_close_matches
from typing import Any

import msgspec

from headrace.deployments.project.document import Document, Place
from headrace.errors import ConfigurationError, ValidationFailed
from headrace.wire.decode import decode, encode
from headrace.wire.deployments import ConcurrencyLimitStrategy
from headrace.wire.objects import Wire

Steps = list[dict[str, Any]]


class WorkPool(Wire, kw_only=True):
    """Where the runs go."""

    name: str | None = None
    work_queue_name: str | None = None
    job_variables: dict[str, Any] | None = None


class Limit(Wire, kw_only=True):
    """How many runs at once."""

    limit: int | None = None
    collision_strategy: ConcurrencyLimitStrategy | None = None
    grace_period_seconds: int | None = None


class Entry(Wire, kw_only=True):
    """A deployment as the file describes it."""

    name: str | None = None
    version: str | None = None
    version_type: str | None = None
    tags: list[str] | str | None = None
    description: str | None = None
    schedule: dict[str, Any] | None = None
    schedules: list[dict[str, Any]] | None = None
    paused: bool | None = None
    concurrency_limit: int | Limit | None = None
    flow_name: str | None = None
    entrypoint: str | None = None
    parameters: dict[str, Any] | None = None
    enforce_parameter_schema: bool | None = None
    build: Steps | dict[str, Any] | None = None
    push: Steps | dict[str, Any] | None = None
    pull: Steps | dict[str, Any] | None = None
    work_pool: WorkPool | None = None
    triggers: list[dict[str, Any]] | None = None
    sla: list[dict[str, Any]] | None = None


FIELDS = frozenset(Entry.__struct_fields__)


def read_entry(values: dict[str, Any], document: Document, place: Place) -> Entry:
    """The deployment that filled values describe.

    Args:
        values: The fields.
        document: The file they come from, for messages.
        place: Where in it they are.

    Raises:
        ConfigurationError: Fields are of the wrong type; names each, with its line.
    """
    try:
        return decode(Entry, encode(values))
    except ValidationFailed as error:
        raise ConfigurationError(describe(error, document, place)) from None
    except TypeError as error:
        message = f"{document.where(place)}: a value cannot be written as JSON: {error}"
        raise ConfigurationError(message) from None


def describe(error: ValidationFailed, document: Document, place: Place) -> str:
    """What is wrong with an entry, each fault with the file, the line and the field."""
    parts: list[str] = []
    for fault in error.errors:
        loc = fault.get("loc")
        path: Place = tuple(loc[1:]) if isinstance(loc, list) else ()  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]  # a fault is free-form
        known = tuple(part for part in path if not _is_branch(part))
        name = ".".join(str(part) for part in known)
        shown = msgspec.json.encode(fault.get("input"), enc_hook=repr).decode()
        parts.append(f"{document.where((*place, *known))}: {name}: {fault['msg']} (is {shown})")
    return "; ".join(dict.fromkeys(parts))


def _is_branch(part: str | int) -> bool:
    """Whether a part of a path names a type that was tried, and is no key of the file."""
    return isinstance(part, str) and ("[" in part or part in {"int", "str", "Limit"})


def unknown_fields(values: dict[str, Any]) -> list[str]:
    """A sentence for each field that deployments do not have."""
    told: list[str] = []
    for name in values:
        if name not in FIELDS:
            near = get_close_matches(name, FIELDS, 1)
            hint = f"; did you mean {near[0]!r}?" if near else ""
            told.append(f"a deployment has no field {name!r}, so it is ignored{hint}")
    return told
