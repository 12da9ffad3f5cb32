"""How arguments meet signatures, and values meet annotations."""

from collections.abc import Callable
from datetime import UTC, date, datetime
from enum import Enum
from functools import partial
from pathlib import Path
from typing import Any, Literal, Optional
from uuid import UUID

import pydantic
import pytest

from headrace.engine.validation import validate_parameters
from headrace.errors import (
    ParameterBindError,
    ParameterTypeError,
    ReservedArgumentError,
    SignatureMismatchError,
)
from headrace.parameters import Signature


def plain(a, b=2, *, c=3):
    return a, b, c


def everything(a, /, b, *rest, c=3, **more):
    return a, b, rest, c, more


class Shelf:
    def method(self, x, y=1):
        return x, y


@pytest.mark.parametrize(
    ("function", "args", "kwargs", "bound"),
    [
        (plain, (1,), {}, {"a": 1, "b": 2, "c": 3}),
        (plain, (1, 5), {"c": 6}, {"a": 1, "b": 5, "c": 6}),
        (plain, (), {"a": 9}, {"a": 9, "b": 2, "c": 3}),
        (
            everything,
            (1, 2, 3, 4),
            {"d": 5},
            {"a": 1, "b": 2, "rest": (3, 4), "c": 3, "more": {"d": 5}},
        ),
        (everything, (1,), {"b": 2}, {"a": 1, "b": 2, "rest": (), "c": 3, "more": {}}),
        (Shelf().method, (1,), {}, {"x": 1, "y": 1}),
        (partial(plain, b=7), (1,), {}, {"a": 1, "b": 7, "c": 3}),
    ],
)
def test_arguments_are_bound_by_name_with_defaults(function, args, kwargs, bound):
    """Binding gives every parameter by name, and calling with it gives what a plain call gives."""
    signature = Signature(function)
    assert signature.bind(args, kwargs) == bound
    again, named = signature.arguments(bound)
    assert function(*again, **named) == function(*args, **kwargs)


@pytest.mark.parametrize(
    ("args", "kwargs", "named"),
    [
        ((), {}, "'a'"),
        ((1, 2, 3), {}, "3 were given"),
        ((1,), {"z": 1}, "'z'"),
        ((1,), {"a": 1}, "twice"),
    ],
)
def test_a_call_that_does_not_fit_is_refused_with_the_reason(args, kwargs, named):
    """The message names the parameter, or the number, that is wrong."""
    with pytest.raises(ParameterBindError, match=named):
        Signature(plain).bind(args, kwargs)


def test_parameters_by_name_fill_every_kind():
    """What a deployment stores by name reaches positional-only, star and double-star parameters."""
    stored = {"a": 1, "b": 2, "rest": [3], "more": {"d": 4}}
    signature = Signature(everything)
    args, kwargs = signature.arguments(signature.from_mapping(stored))
    assert everything(*args, **kwargs) == (1, 2, (3,), 3, {"d": 4})


def test_a_parameter_that_does_not_exist_is_named():
    """A run with a parameter the function lacks is refused, and told what the function has."""
    with pytest.raises(SignatureMismatchError, match=r"\['size'\].*\['a', 'b', 'c'\]"):
        Signature(plain).from_mapping({"a": 1, "size": 2})


def test_a_name_that_the_engine_needs_is_refused():
    """`wait_for` belongs to the call of a task, so a task cannot have it."""

    def waits(wait_for):
        return wait_for

    with pytest.raises(ReservedArgumentError, match="wait_for"):
        Signature(waits).reserve("wait_for")


class Colour(Enum):
    RED = "red"


class Order(pydantic.BaseModel):
    size: int


def annotated(hint: Any) -> Callable[..., Any]:
    def function(x):
        return x

    function.__annotations__ = {"x": hint}
    return function


@pytest.mark.parametrize(
    ("hint", "given", "becomes"),
    [
        (int, 3, 3),
        (int, "3", 3),
        (int, 3.0, 3),
        (float, 3, 3.0),
        (str, "a", "a"),
        (bool, "true", True),
        (Optional[int], None, None),  # noqa: UP045
        (int | str, "a", "a"),
        (list[int], ["1", 2], [1, 2]),
        (dict[str, float], {"a": 1}, {"a": 1.0}),
        (Literal["a", "b"], "b", "b"),
        (Colour, "red", Colour.RED),
        (Path, "/x", Path("/x")),
        (
            UUID,
            "f9d0d887-da49-4e0b-82fd-9881fbe626ce",
            UUID("f9d0d887-da49-4e0b-82fd-9881fbe626ce"),
        ),
        (datetime, "2026-11-20T22:01:37Z", datetime(2026, 11, 20, 22, 1, 37, tzinfo=UTC)),
        (date, "2026-11-20", date(2026, 11, 20)),
        (Order, {"size": "2"}, Order(size=2)),
        (list[Order], [{"size": 2}], [Order(size=2)]),
        (Any, object, object),
    ],
)
def test_values_are_converted_to_their_annotation(hint, given, becomes):
    """A value that fits in another form is converted as pydantic would."""
    checked = validate_parameters(annotated(hint), {"x": given})["x"]
    assert checked == becomes
    assert type(checked) is type(becomes)


@pytest.mark.parametrize(
    ("hint", "given"),
    [
        (int, "x"),
        (str, 3),
        (list[int], ["x"]),
        (Literal["a"], "b"),
        (Order, {"size": "x"}),
        (Path, 3),
    ],
)
def test_a_value_that_does_not_fit_is_named(hint, given):
    """The error names the parameter and shows the value."""
    with pytest.raises(ParameterTypeError, match="x: "):
        validate_parameters(annotated(hint), {"x": given})


def test_a_value_that_fits_is_passed_on_as_it_is():
    """A large list is not copied to be checked."""
    big = [1, 2, 3]
    assert validate_parameters(annotated(list[int]), {"x": big})["x"] is big


def test_star_parameters_are_not_checked_as_their_elements():
    """`*args: int` says what each is; the tuple of them passes."""

    def function(*numbers: int, **named: str):
        return numbers, named

    given = {"numbers": (1, 2), "named": {"a": "b"}}
    assert validate_parameters(function, given) == given
