"""Filters of automations."""

from headrace.server.store.filters.conditions import (
    Conditions,
    combine,
    combine_attributes,
    equal_any,
    have_tags,
    lie_between,
)
from headrace.server.store.schema import automation
from headrace.wire.automations import AutomationFilter


def filter_automations(given: AutomationFilter) -> Conditions:
    """Conditions on `automation`."""
    table = automation.c
    parts: Conditions = []
    if given.id is not None:
        parts += equal_any(table.id, given.id.any_)
    if given.name is not None:
        parts += equal_any(table.name, given.name.any_)
    if given.created is not None:
        parts += lie_between(table.created, None, given.created.before_)
    if given.tags is not None:
        tags = have_tags(
            table.tags,
            all_of_them=given.tags.all_,
            any_of_them=given.tags.any_,
            is_empty=given.tags.is_null_,
        )
        parts += combine(given.tags.operator, tags)
    return combine_attributes(given, parts)
