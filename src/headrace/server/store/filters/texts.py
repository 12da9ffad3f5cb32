"""Text searches as SQL."""

from typing import Any

from sqlalchemy import ColumnElement, or_

from headrace.core.text_search import parse_text_query
from headrace.server.store.filters.conditions import Conditions


def match_text(column: ColumnElement[Any], query: str) -> Conditions:
    """The column's text fits the query: some of its terms, all required ones, no excluded one."""
    wanted = parse_text_query(query)
    parts: Conditions = [column.icontains(term, autoescape=True) for term in wanted.all_of]
    parts += [~column.icontains(term, autoescape=True) for term in wanted.none_of]
    if wanted.any_of:
        parts.append(or_(*(column.icontains(term, autoescape=True) for term in wanted.any_of)))
    return parts
