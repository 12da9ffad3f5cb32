"""Base job templates: what they accept, what comes out of them, and where it came from."""

import pytest

from headrace.core.placeholders import Reference
from headrace.core.templates import (
    Layer,
    check_template,
    check_variables,
    find_unknown,
    resolve,
)
from headrace.errors import ObjectNotFound, ValidationFailed
from headrace.infrastructure.process.template import TEMPLATE as PROCESS

TEMPLATE = {
    "job_configuration": {
        "command": "{{ command }}",
        "image": "{{registry}}/{{ image }}:latest",
        "env": "{{ env }}",
        "limits": [{"cpu": "{{ cpu }}"}, "{{ extra }}", "fixed"],
        "region": "eu",
        "nested": {"deep": {"host": "{{ target.host }}"}},
        "secret": "{{ prefect.blocks.secret.token }}",
    },
    "variables": {
        "type": "object",
        "properties": {
            "command": {"type": "string"},
            "registry": {"type": "string", "default": "registry.internal"},
            "image": {"type": "string"},
            "env": {"type": "object", "default": {"A": "pool", "B": "pool"}},
            "cpu": {"type": "integer", "minimum": 1, "maximum": 8, "default": 2},
            "extra": {"type": "string", "enum": ["x", "y"]},
            "target": {"type": "object", "properties": {"host": {"type": "string"}}},
        },
        "required": ["image"],
    },
}


def look_up(reference: Reference) -> object:
    """One block and one variable exist."""
    return {
        Reference("block", "secret/token"): {"value": "s3cret"},
        Reference("variable", "team"): "blue",
    }[reference]


def test_layers_win_in_order_and_say_so():
    """Run over deployment over pool default; env by key; a whole placeholder keeps its type."""
    resolved = resolve(
        TEMPLATE,
        [
            Layer("deployment", {"image": "app", "cpu": 4, "env": {"B": "d", "C": "d"}}),
            Layer("run", {"cpu": 8, "env": {"C": "r"}, "target": {"host": "h1"}, "extra": None}),
        ],
        look_up,
    )
    assert resolved.configuration == {
        "image": "registry.internal/app:latest",
        "env": {"A": "pool", "B": "d", "C": "r"},
        "limits": [{"cpu": 8}, "fixed"],
        "region": "eu",
        "nested": {"deep": {"host": "h1"}},
        "secret": {"value": "s3cret"},
    }
    assert {path: part.sources for path, part in resolved.parts.items()} == {
        "image": ("pool default", "deployment"),
        "env.A": ("pool default",),
        "env.B": ("deployment",),
        "env.C": ("run",),
        "limits.0.cpu": ("run",),
        "limits.2": ("template",),
        "region": ("template",),
        "nested.deep.host": ("run",),
        "secret": ("block secret/token",),
    }
    assert resolved.unknown == ()


def test_references_inside_values():
    """A variable's value may refer to blocks and variables; other braces in it are left alone."""
    text = "run {{ prefect.variables.team }} {{ jinja }}"
    resolved = resolve(TEMPLATE, [Layer("run", {"command": text, "image": "i"})], look_up)
    assert resolved.configuration["command"] == "run blue {{ jinja }}"
    assert resolved.parts["command"].sources == ("run", "variable team")


def test_each_value_of_an_object_is_told_apart():
    """An object that one variable stands for is opened: who gave each, and what it refers to."""
    template = {
        "job_configuration": {"labels": "{{ labels }}", "note": "for {{ labels.deep.team }}"},
        "variables": {"properties": {"labels": {"type": "object"}}},
    }
    given = {"deep": {"team": "{{ prefect.variables.team }}"}, "empty": {}, "many": [1, 2]}
    resolved = resolve(template, [Layer("deployment", {"labels": given})], look_up)
    assert resolved.parts == {
        "labels.deep.team": ("blue", ("deployment", "variable team")),
        "labels.empty": ({}, ("deployment",)),
        "labels.many": ([1, 2], ("deployment",)),
        "note": ("for blue", ("deployment", "variable team")),
    }
    assert resolved.configuration["labels"]["deep"] == {"team": "blue"}


def test_a_missing_block_is_named():
    """What does not exist is named together with where it is used."""
    with pytest.raises(ObjectNotFound, match=r"'command' refers to the block 'aws/none'"):
        resolve(TEMPLATE, [Layer("run", {"command": "{{ prefect.blocks.aws.none }}"})], look_up)


def test_unknown_variables_are_reported():
    """A variable the template does not have is named with its layer, unless the schema is open."""
    layers = [Layer("deployment", {"imgae": "x"}), Layer("run", {"image": "i", "gpu": 1})]
    assert find_unknown(TEMPLATE, layers) == ("deployment: imgae", "run: gpu")
    assert resolve(TEMPLATE, layers, look_up).unknown == ("deployment: imgae", "run: gpu")
    open_schema = {**TEMPLATE["variables"], "additionalProperties": True}
    assert find_unknown({**TEMPLATE, "variables": open_schema}, layers) == ()


@pytest.mark.parametrize(
    ("values", "field", "words"),
    [
        ({"cpu": 9}, ["cpu"], "9 is greater than the maximum of 8"),
        ({"cpu": 0}, ["cpu"], "0 is less than the minimum of 1"),
        ({"cpu": "two"}, ["cpu"], "'two' is not of type 'integer'"),
        ({"extra": "z"}, ["extra"], "is not one of"),
        ({"target": {"host": 5}}, ["target", "host"], "5 is not of type 'string'"),
    ],
)
def test_values_outside_the_schema(values, field, words):
    """Type, minimum, maximum and enum are enforced, with the field named."""
    with pytest.raises(ValidationFailed) as refused:
        check_variables(TEMPLATE, [Layer("deployment", values)], complete=False)
    (error,) = refused.value.errors
    assert error["loc"] == ["body", "job_variables", *field]
    assert words in str(error["msg"])


def test_required_only_when_complete():
    """A deployment may leave a required variable to its runs; a run may not."""
    check_variables(TEMPLATE, [Layer("deployment", {})], complete=False)
    check_variables(TEMPLATE, [Layer("run", {"image": "i"})], complete=True)
    with pytest.raises(ValidationFailed, match="'image': a value is required"):
        check_variables(TEMPLATE, [Layer("deployment", {"image": None})], complete=True)


def test_open_values_are_not_checked_yet():
    """References and nulls pass: what they will be is not known, or nothing."""
    check_variables(
        TEMPLATE,
        [
            Layer(
                "run", {"cpu": "{{ prefect.variables.cpu }}", "extra": None, "image": {"$ref": {}}}
            )
        ],
        complete=True,
    )


@pytest.mark.parametrize(
    ("template", "words"),
    [
        ({"variables": {}}, "'job_configuration'"),
        ({"job_configuration": {}, "variables": []}, "'variables'"),
        ({"job_configuration": {"a": ["{{ b }}", "x{{ c.d }}"]}, "variables": {}}, "uses b, c,"),
        ({"job_configuration": {}, "variables": {"properties": []}}, "'properties'"),
        (
            {"job_configuration": {}, "variables": {"properties": {"a": {"type": "strong"}}}},
            "not a JSON schema, at properties.a.type",
        ),
    ],
)
def test_bad_templates(template, words):
    """A template is refused when its pool is made, with the part named."""
    with pytest.raises(ValidationFailed) as refused:
        check_template(template)
    assert words in str(refused.value)


def test_good_templates():
    """The empty template, the process pool's own and one that refers to blocks are accepted."""
    for template in ({}, TEMPLATE, PROCESS):
        check_template(template)


def test_the_process_template():
    """With nothing given only the defaults are set."""
    assert resolve(PROCESS, [], look_up).configuration == {"stream_output": True}
