"""Parameters checked and converted by a function's annotations.

Plain types are checked here. Anything else is pydantic's: it is imported, which takes a quarter of
a second, only when a value is met that is not already what its annotation says.
"""

import types
import typing
from collections.abc import Callable, Mapping
from datetime import date, datetime
from enum import Enum
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal, Union, get_args, get_origin
from uuid import UUID

from headrace._bindings import HEAVY, load
from headrace.containers import elements
from headrace.errors import ParameterTypeError

_PLAIN = frozenset((str, int, float, bool, bytes, list, dict, set, tuple, frozenset, type(None)))
_FROM_TEXT: dict[Any, Callable[[str], Any]] = {
    datetime: datetime.fromisoformat,
    date: date.fromisoformat,
    UUID: UUID,
    Path: Path,
}
_SEVERAL = (list, set, frozenset)


def validate_parameters(
    function: Callable[..., Any], parameters: Mapping[str, Any]
) -> dict[str, Any]:
    """Parameters of a call, checked and converted.

    Args:
        function: Whose annotations say what they must be.
        parameters: Every parameter by name; `*args` as a tuple, `**kwargs` as a dict.

    Raises:
        ParameterTypeError: Values do not fit; the message names each with what is wrong.
    """
    hints = _hints(function)
    checked = dict(parameters)
    problems: list[str] = []
    for name, hint in hints.items():
        if name not in checked or is_already(checked[name], hint):
            continue
        try:
            checked[name] = convert(checked[name], hint)
        except ValueError as error:
            problems.append(f"{name}: {error}")
    if problems:
        message = f"Parameters of {function.__name__}() do not fit. " + "; ".join(problems)
        raise ParameterTypeError(message)
    return checked


@lru_cache(maxsize=1000)  # functions; more would be functions made in a loop
def _hints(function: Any) -> dict[str, Any]:
    target = getattr(function, "__func__", function)
    try:
        hints = typing.get_type_hints(target, include_extras=True)
    except Exception:  # a name that does not exist at run time: nothing can be checked  # noqa: BLE001
        return {}
    hints.pop("return", None)
    code = getattr(target, "__code__", None)
    if code is not None:  # what `*args: int` annotates is each of them, not the tuple
        named = code.co_argcount + code.co_kwonlyargcount
        for name in code.co_varnames[named : named + 2]:
            hints.pop(name, None)
    return {name: hint for name, hint in hints.items() if hint is not Any}


def is_already(value: Any, hint: Any) -> bool:
    """Whether a value is what an annotation says, as far as that can be seen cheaply and surely."""
    if hint is Any or hint is object:
        return True
    if hint is None:
        return value is None
    if isinstance(hint, type) and not isinstance(hint, types.GenericAlias):
        return _is_instance(value, hint)
    return _is_one_of(value, get_origin(hint), get_args(hint))


def _is_one_of(value: Any, origin: Any, args: tuple[Any, ...]) -> bool:
    """The same for annotations that have arguments: unions, literals, containers of something."""
    if origin in {Union, types.UnionType}:
        return any(is_already(value, choice) for choice in args)
    if origin is Literal:
        return any(value == choice and type(value) is type(choice) for choice in args)
    if origin in _SEVERAL:
        return type(value) is origin and all(is_already(e, args[0]) for e in elements(value))
    if origin is dict:
        return (
            value.__class__ is dict
            and all(is_already(key, args[0]) for key in value)
            and all(is_already(element, args[1]) for element in elements(value))
        )
    return False


def _is_instance(value: Any, kind: type) -> bool:
    if kind in _PLAIN:
        return type(value) is kind
    if typing.is_typeddict(kind):
        return False
    try:
        return isinstance(value, kind)
    except TypeError:  # a protocol that cannot be checked
        return False


def convert(value: Any, hint: Any) -> Any:
    """A value made into what an annotation says.

    Raises:
        ValueError: It cannot be; the message says why.
    """
    if type(value) is int and hint is float:
        return float(value)
    if type(value) is str and hint in _FROM_TEXT:
        try:
            return _FROM_TEXT[hint](value)
        except ValueError:
            pass  # pydantic reads more forms, and says what is wrong with this one
    if isinstance(hint, type) and issubclass(hint, Enum) and type(value) in _PLAIN:
        try:
            return hint(value)
        except ValueError:
            pass
    return _by_pydantic(value, hint)


def _by_pydantic(value: Any, hint: Any) -> Any:
    pydantic = load(HEAVY["pydantic"])
    config = {"arbitrary_types_allowed": True}
    try:
        try:
            adapter = pydantic.TypeAdapter(hint, config=config)
        except pydantic.errors.PydanticUserError:  # a model brings its own configuration
            adapter = pydantic.TypeAdapter(hint)
        return adapter.validate_python(value)
    except pydantic.ValidationError as error:
        problems = [
            ".".join(str(part) for part in found["loc"]) + ": " * bool(found["loc"]) + found["msg"]
            for found in error.errors(include_url=False)
        ]
        raise ValueError(f"{', '.join(problems)}, not {value!r}") from error
