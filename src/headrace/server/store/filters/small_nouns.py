"""Filters of the nouns that nothing else is filtered by: variables and logs."""

from headrace.server.store.filters.conditions import (
    Conditions,
    be_named,
    be_null,
    combine,
    combine_attributes,
    equal_any,
    have_tags,
    lie_between,
    together,
)
from headrace.server.store.filters.texts import match_text
from headrace.server.store.schema import log, variable
from headrace.wire.logs import LogFilter
from headrace.wire.variables import VariableFilter


def filter_variables(given: VariableFilter) -> Conditions:
    """Conditions on `variable`."""
    parts: Conditions = []
    if given.id is not None:
        parts += equal_any(variable.c.id, given.id.any_)
    if given.name is not None:
        parts += be_named(variable.c.name, given.name)
    if given.tags is not None:
        parts += combine(
            given.tags.operator,
            have_tags(variable.c.tags, all_of_them=given.tags.all_, is_empty=given.tags.is_null_),
        )
    return combine_attributes(given, parts)


def filter_logs(given: LogFilter) -> Conditions:
    """Conditions on `log`."""
    parts: Conditions = []
    if given.flow_run_id is not None:
        parts += equal_any(log.c.flow_run_id, given.flow_run_id.any_)
    if given.task_run_id is not None:
        parts += together(
            equal_any(log.c.task_run_id, given.task_run_id.any_),
            be_null(log.c.task_run_id, given.task_run_id.is_null_),
        )
    if given.level is not None:
        parts += together(
            [] if given.level.ge_ is None else [log.c.level >= given.level.ge_],
            [] if given.level.le_ is None else [log.c.level <= given.level.le_],
        )
    if given.timestamp is not None:
        parts += together(
            lie_between(log.c.timestamp, given.timestamp.after_, given.timestamp.before_)
        )
    if given.text is not None:
        parts += match_text(log.c.message, given.text.query)
    return combine_attributes(given, parts)
