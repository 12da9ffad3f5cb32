import datetime
import enum
from typing import Annotated, Any, Literal

import pytest
from pydantic import BaseModel, Field

from headrace.deployments.parameter_schema import describe_parameters, read_descriptions


class Colour(enum.Enum):
    RED = "r"
    BLUE = "b"


class Model(BaseModel):
    a: int
    b: str = "x"


class Opaque:
    pass


def schema_of(annotation: Any, *default: Any) -> dict[str, Any]:
    def function(x): ...

    function.__annotations__ = {"x": annotation}
    function.__defaults__ = default
    schema = describe_parameters(function)
    found = schema["properties"]["x"]
    assert (found.pop("position"), found.pop("title")) == (0, "x")
    assert schema.get("required", []) == ([] if default else ["x"])
    return found


@pytest.mark.parametrize(
    ("annotation", "default", "expected"),
    [
        (str, ("x",), {"type": "string", "default": "x"}),
        (int, (), {"type": "integer"}),
        (Any, (None,), {"default": None}),
        (int, (None,), {"anyOf": [{"type": "integer"}, {"type": "null"}], "default": None}),
        (int | None, (None,), {"anyOf": [{"type": "integer"}, {"type": "null"}], "default": None}),
        (list[int], ([1],), {"type": "array", "items": {"type": "integer"}, "default": [1]}),
        (Literal["a", "b"], ("a",), {"type": "string", "enum": ["a", "b"], "default": "a"}),
        (Annotated[int, Field(ge=3)], (4,), {"type": "integer", "minimum": 3, "default": 4}),
        (Colour, (Colour.RED,), {"$ref": "#/definitions/Colour", "default": "r"}),
        (
            datetime.date,
            (datetime.date(2020, 1, 1),),
            {"type": "string", "format": "date", "default": "2020-01-01"},
        ),
        (Opaque, (), {}),
        ("no_such_name", (), {}),
        (int, (object(),), {"type": "integer"}),
    ],
)
def test_the_schema_of_one_parameter(annotation: Any, default: tuple, expected: dict):
    assert schema_of(annotation, *default) == expected


def test_models_are_defined_once_and_referred_to():
    def function(m: Model, ms: list[Model], n: Model = None): ...  # as people write

    schema = describe_parameters(function)
    assert schema["properties"]["m"]["$ref"] == "#/definitions/Model"
    assert schema["properties"]["ms"]["items"] == {"$ref": "#/definitions/Model"}
    assert schema["properties"]["n"]["anyOf"] == [
        {"$ref": "#/definitions/Model"},
        {"type": "null"},
    ]
    assert list(schema["definitions"]) == ["Model"]
    assert schema["required"] == ["m", "ms"]


def test_names_that_a_model_could_not_have():
    def function(schema: int, json: str = "a", _private: int = 3): ...

    assert list(describe_parameters(function)["properties"]) == ["schema", "json", "_private"]


def test_stars_are_arrays_and_objects_that_may_be_left_out():
    def function(x: int, *rest: int, **named: str): ...

    schema = describe_parameters(function)
    assert schema["properties"]["rest"]["items"] == {"type": "integer"}
    assert schema["properties"]["named"]["additionalProperties"] == {"type": "string"}
    assert schema["required"] == ["x"]


def test_descriptions_come_from_the_docstring():
    text = """Doc.

    Args:
        a: the a thing
        b (int): the b thing
            more
        *rest: others

    Returns:
        c: not a parameter
    """
    said = read_descriptions(__import__("inspect").cleandoc(text))
    assert said == {"a": "the a thing", "b": "the b thing\nmore", "rest": "others"}
    assert read_descriptions(":param int a: the a thing") == {"a": "the a thing"}
