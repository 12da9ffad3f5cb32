"""Parameters: values that stand for others, and what the schema allows."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headrace.core.json_schema import compile_schema, find_faults, schema_text
from headrace.core.parameters import (
    check_schema,
    find_parameter_faults,
    find_variables,
    is_plainly_valid,
    open_values,
)

SCHEMA = {
    "type": "object",
    "properties": {"x": {"type": "integer"}, "p": {"$ref": "#/definitions/P"}},
    "required": ["x"],
    "definitions": {"P": {"type": "object", "properties": {"y": {"type": "string"}}}},
}


def kind(name, **fields):
    return {"__prefect_kind": name, **fields}


def test_values_that_stand_for_others():
    """JSON text, variables and plain values are opened at any depth."""
    value = {
        "a": [kind("json", value="[1, 2]")],
        "b": {"c": kind("workspace_variable", variable_name="team")},
        "d": kind("none", value=3),
        "e": kind("json", value=""),
    }
    assert list(find_variables(value)) == ["team"]
    opened = open_values(value, {"team": "blue"}.__getitem__)
    assert opened == {"a": [[1, 2]], "b": {"c": "blue"}, "d": 3, "e": None}


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (kind("json", value="{"), "not JSON"),
        (kind("workspace_variable", variable_name="no"), "no variable 'no'"),
        (kind("jinja", template="x"), "'jinja' cannot be made"),
    ],
)
def test_values_that_cannot_be_opened(value, words):
    """What stands for nothing is refused in one sentence."""
    with pytest.raises(ValueError, match=words):
        open_values({"a": value}, {}.__getitem__)


def test_faults_name_the_field():
    """A bad parameter is named by its path."""
    (fault,) = find_parameter_faults(SCHEMA, {"x": 1, "p": {"y": 2}}, complete=True)
    assert (fault.field, fault.message) == ("p.y", "2 is not of type 'string'")
    (fault,) = find_parameter_faults(SCHEMA, {}, complete=True)
    assert "'x' is a required property" in fault.message
    assert find_parameter_faults(SCHEMA, {"p": {}}, complete=False) == []


def test_a_schema_that_is_none():
    """A schema is checked when the deployment is made, and one that points nowhere is told."""
    with pytest.raises(ValueError, match="not a JSON schema"):
        check_schema({"type": "objict"})
    (fault,) = find_parameter_faults(
        {"properties": {"x": {"$ref": "#/definitions/No"}}}, {"x": 1}, complete=True
    )
    assert "definitions/No" in fault.message


VALUES = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text()
NAMES = st.sampled_from("abc")
KINDS = st.sampled_from(["string", "integer", "number", "boolean", "null", "array"])
PROPERTY = st.one_of(
    KINDS.map(lambda kind: {"type": kind, "title": "t"}),
    st.just({"type": "integer", "minimum": 3}),
    st.just({"anyOf": [{"type": "integer"}, {"type": "null"}]}),
    st.just({}),
)


@settings(max_examples=200)
@given(
    st.dictionaries(NAMES, PROPERTY),
    st.lists(NAMES, unique=True),
    st.dictionaries(NAMES, VALUES),
)
def test_the_quick_look_is_never_wrong(properties, required, parameters):
    """What it calls valid is valid to the library."""
    schema = {"type": "object", "properties": properties, "required": required}
    if is_plainly_valid(schema, parameters):
        assert find_faults(compile_schema(schema_text(schema)), parameters) == []
