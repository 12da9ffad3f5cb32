"""The query language of text searches."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.core.text_search import TextQuery, parse_text_query


@pytest.mark.parametrize(
    ("text", "query"),
    [
        ("", TextQuery()),
        ("  ", TextQuery()),
        ("a b", TextQuery(any_of=("a", "b"))),
        ("-a !b c", TextQuery(any_of=("c",), none_of=("a", "b"))),
        ("+a +b", TextQuery(all_of=("a", "b"))),
        ('"two words" -"not these"', TextQuery(any_of=("two words",), none_of=("not these",))),
        ('"open', TextQuery(any_of=("open",))),
        (r"\-a \"b", TextQuery(any_of=("-a", '"b'))),
        ("mid-dash", TextQuery(any_of=("mid-dash",))),
        ("+ -", TextQuery()),
    ],
)
def test_terms(text: str, query: TextQuery):
    """Alternatives, required and excluded terms, phrases, escapes."""
    assert parse_text_query(text) == query


@given(st.text(max_size=200))
def test_every_text_is_a_query(text: str):
    """No term is empty, and nothing fails."""
    query = parse_text_query(text)
    assert all((*query.any_of, *query.all_of, *query.none_of))
