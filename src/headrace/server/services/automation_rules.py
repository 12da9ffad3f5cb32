"""What an automation must be beyond the types of its fields. Pure: objects in, faults out."""

import json
from collections.abc import Iterable, Iterator
from typing import Any, Final, cast
from uuid import UUID

from msgspec import UNSET

from headrace.core.ids import new_id
from headrace.core.parameters import KIND
from headrace.core.text_templates import find_template_fault
from headrace.wire.automations import (
    Action,
    AutomationCreate,
    AutomationUpdate,
    CallWebhook,
    CompoundTriggerInput,
    EventTrigger,
    RunDeployment,
    SendNotification,
    Trigger,
)
from headrace.wire.faults import Fault, Loc, make_fault

SHORTEST_WATCH: Final = 10.0
"""Seconds: what is not to happen must have this much time to happen. Also what is taken for none."""

_SELECTED: Final = ("deployment_id", "work_queue_id", "work_pool_id", "automation_id")
_RESOURCE_ID: Final = "prefect.resource.id"


def find_faults(body: AutomationCreate | AutomationUpdate) -> list[Fault]:
    """Everything that is wrong with an automation whose fields are of their types."""
    faults = list(_check_trigger(body.trigger, ("body", "trigger")))
    for name in ("actions", "actions_on_trigger", "actions_on_resolve"):
        actions: list[Action] = getattr(body, name)
        for at, action in enumerate(actions):
            faults += _check_action(action, ("body", name, at))
    return faults


def complete(trigger: Trigger) -> None:
    """Give a trigger and those in it the ids and times that are left to the server."""
    for each in _walk(trigger):
        if each.id is UNSET:
            each.id = UUID(new_id())
        if isinstance(each, EventTrigger):
            if each.posture == "Proactive" and each.within == 0:
                each.within = SHORTEST_WATCH
            for name in ("after", "expect", "for_each"):
                setattr(each, name, list(dict.fromkeys(getattr(each, name))))


def find_resources(trigger: Trigger) -> Iterator[str]:
    """Ids of the single resources that a trigger is about; patterns name none."""
    for each in _walk(trigger):
        if not isinstance(each, EventTrigger):
            continue
        related = each.match_related
        for wanted in (each.match, *(related if isinstance(related, list) else [related])):
            named = wanted.get(_RESOURCE_ID, [])
            for resource in [named] if isinstance(named, str) else named:
                if not resource.endswith("*") and not resource.startswith("!"):
                    yield resource


def _walk(trigger: Trigger) -> Iterator[Trigger]:
    waiting = [trigger]
    while waiting:
        each = waiting.pop()
        yield each
        if not isinstance(each, EventTrigger):
            waiting += each.triggers


def _check_trigger(trigger: Trigger, loc: Loc) -> Iterable[Fault]:
    if isinstance(trigger, EventTrigger):
        yield from _check_event_trigger(trigger, loc)
        return
    if isinstance(trigger, CompoundTriggerInput) and isinstance(trigger.require, int):
        many = len(trigger.triggers)
        if not 1 <= trigger.require <= many:
            message = f"Of {many} triggers, from 1 to {many} can be required, or 'any' or 'all'"
            yield make_fault("value_error", (*loc, "require"), message, trigger.require)
    for at, each in enumerate(trigger.triggers):
        yield from _check_trigger(each, (*loc, "triggers", at))


def _check_event_trigger(trigger: EventTrigger, loc: Loc) -> Iterable[Fault]:
    if trigger.within < 0:
        message = "Input should be greater than or equal to 0 seconds"
        yield make_fault("greater_than_equal", (*loc, "within"), message, trigger.within, ge=0)
    elif trigger.posture == "Proactive" and 0 < trigger.within < SHORTEST_WATCH:
        message = f"A proactive trigger waits at least {SHORTEST_WATCH:g} seconds"
        yield make_fault("value_error", (*loc, "within"), message, trigger.within)


def _check_action(action: Action, loc: Loc) -> Iterable[Fault]:
    source = getattr(action, "source", None)
    if source is not None:
        name = next(name for name in _SELECTED if hasattr(action, name))
        value = getattr(action, name)
        if source == "selected" and value is None:
            message = f"{name} is required where the source is 'selected'"
            yield make_fault("value_error", (*loc, name), message, None)
        if source == "inferred" and value is not None:
            message = f"{name} is not allowed where the source is 'inferred'"
            yield make_fault("value_error", (*loc, name), message, str(value))
    for name, message, text in _check_texts(action):
        yield make_fault("value_error", (*loc, name), message, text)
    if isinstance(action, RunDeployment) and action.schedule_after < 0:
        message = "Input should be greater than or equal to 0 seconds"
        value = action.schedule_after
        yield make_fault("greater_than_equal", (*loc, "schedule_after"), message, value, ge=0)


def _check_texts(action: Action) -> Iterator[tuple[str, str, str]]:
    """Texts that cannot be rendered when the action is done: field, what is wrong, the text."""
    for name, text in _templates(action):
        fault = find_template_fault(text)
        if fault is not None:
            yield name, f"{name!r} is not a valid template: {fault.message}", text
    if isinstance(action, RunDeployment):
        for text in _json_in(action.parameters):
            try:
                json.loads(text)
            except ValueError as error:
                yield "parameters", f"'parameters' has JSON that cannot be read: {error}", text


def _templates(action: Action) -> Iterator[tuple[str, str]]:
    """The templates of an action, by field."""
    if isinstance(action, SendNotification):
        yield "subject", action.subject
        yield "body", action.body
    elif isinstance(action, CallWebhook):
        yield "payload", action.payload
    elif isinstance(action, RunDeployment):
        for text in _templates_in(action.parameters):
            yield "parameters", text


def _templates_in(value: object) -> Iterator[str]:
    """Every text is a template, but for those that say what they are."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        fields = cast("dict[str, Any]", value)
        if KIND not in fields:
            for item in fields.values():
                yield from _templates_in(item)
        elif fields[KIND] == "jinja" and isinstance(fields.get("template"), str):
            yield fields["template"]
    elif isinstance(value, list):
        for item in cast("list[Any]", value):
            yield from _templates_in(item)


def _json_in(value: object) -> Iterator[str]:
    if isinstance(value, dict):
        fields = cast("dict[str, Any]", value)
        if fields.get(KIND) == "json" and isinstance(fields.get("value"), str):
            yield fields["value"]
        for item in fields.values():
            yield from _json_in(item)
    elif isinstance(value, list):
        for item in cast("list[Any]", value):
            yield from _json_in(item)
