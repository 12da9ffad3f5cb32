"""What deploying again will change, told before it does."""

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec
from msgspec import UnsetType

from headrace.wire.decode import decode_schedule
from headrace.wire.deployments import (
    DeploymentCreate,
    DeploymentResponse,
    DeploymentSchedule,
    DeploymentScheduleCreate,
)
from headrace.wire.misfires import MisfireOptions

_PLAIN = (
    "entrypoint",
    "version",
    "description",
    "tags",
    "work_pool_name",
    "enforce_parameter_schema",
    "concurrency_options",
)
_BY_KEY = ("parameters", "job_variables")
_WIDEST = 60  # characters of a value in a line


def list_changes(before: DeploymentResponse, after: DeploymentCreate) -> list[str]:
    """A line for each field that will be another, in the order of the file's fields."""
    lines: list[str] = []
    for name in _PLAIN:
        old, new = getattr(before, name), getattr(after, name)
        if old != new:
            lines.append(_line(name, old, new))
    old_limit = before.global_concurrency_limit.limit if before.global_concurrency_limit else None
    if old_limit != after.concurrency_limit:
        lines.append(_line("concurrency_limit", old_limit, after.concurrency_limit))
    if after.work_queue_name is not None and after.work_queue_name != before.work_queue_name:
        lines.append(_line("work_queue_name", before.work_queue_name, after.work_queue_name))
    for name in _BY_KEY:
        lines += _mapping_changes(name, getattr(before, name), getattr(after, name))
    if (before.parameter_openapi_schema or {}) != (after.parameter_openapi_schema or {}):
        lines.append("the flow's parameters")
    if (before.pull_steps or []) != (after.pull_steps or []):
        lines.append(_line("pull", before.pull_steps, after.pull_steps))
    return lines + list(_schedule_changes(before, after))


def _mapping_changes(
    name: str, before: Mapping[str, Any], after: Mapping[str, Any]
) -> Iterator[str]:
    for key in sorted({*before, *after}):
        old, new = before.get(key), after.get(key)
        if old != new:
            yield _line(f"{name}.{key}", old, new)


def _schedule_changes(before: DeploymentResponse, after: DeploymentCreate) -> Iterator[str]:
    old = [(_told(one), one.slug) for one in before.schedules]
    new = [(_told(one), one.slug) for one in after.schedules]
    yield from (f"schedule {text} goes" for text, slug in old if (text, slug) not in new)
    yield from (f"schedule {text} is added" for text, slug in new if (text, slug) not in old)


def _told(one: DeploymentSchedule | DeploymentScheduleCreate) -> str:
    return f"{tell_schedule(one.schedule)}{tell_misfire(one.misfire)}"


def tell_misfire(misfire: MisfireOptions | UnsetType | None) -> str:
    """What follows a schedule where it does something about missed times."""
    if not misfire:
        return ""
    late = misfire.max_lateness
    return f", misfire {misfire.policy}" + ("" if late is None else f" within {late:g} s")


def tell_schedule(raw: DeploymentScheduleCreate | msgspec.Raw) -> str:
    """A schedule in a few words: `cron 0 9 * * * in Europe/Berlin`."""
    fields = decode_schedule(raw if isinstance(raw, msgspec.Raw) else raw.schedule)
    kind = next(k for k in ("cron", "interval", "rrule") if hasattr(fields, k))
    value = getattr(fields, kind)
    zone = f" in {fields.timezone}" if fields.timezone not in {None, "UTC"} else ""
    return f"every {value:g} s{zone}" if kind == "interval" else f"{kind} {value}{zone}"


def _line(name: str, old: object, new: object) -> str:
    return f"{name}: {_shown(old)} → {_shown(new)}"


def _shown(value: object) -> str:
    if value is None or value in ([], {}):
        return "none"
    text = value if isinstance(value, str) else msgspec.json.encode(value).decode()
    return text if len(text) <= _WIDEST else f"{text[: _WIDEST - 1]}…"
