"""How a call's arguments meet a function's signature.

`inspect` is slow to import and to bind with, so plain functions are read from their code object;
anything else (a partial, a callable object, a decorated function) goes through `inspect`.
"""

from collections.abc import Callable, Mapping
from types import FunctionType, MethodType
from typing import Any

from headrace._bindings import HEAVY, load
from headrace.errors import ParameterBindError, ReservedArgumentError, SignatureMismatchError

_VARARGS = 0x04  # code object flags, as the language reference gives them
_VARKEYWORDS = 0x08
_GENERATOR = 0x20
_COROUTINE = 0x80
_ASYNC_GENERATOR = 0x200

REQUIRED: Any = object()
"""Stands for the default of a parameter that has none."""


class Signature:
    """A function's parameters: their names in order, defaults and kinds.

    Attributes:
        names: Every parameter, `self` of a bound method left out; `*args` and `**kwargs` last.
        defaults: Defaults by name; only of parameters that have one.
        positional_only: How many of the first names cannot be given by name.
        positional: How many of the first names can be given by position.
        varargs: The name after the single star, or None.
        varkeywords: The name after the double star, or None.
    """

    __slots__ = (
        "_simple",
        "defaults",
        "names",
        "positional",
        "positional_only",
        "shown",
        "varargs",
        "varkeywords",
    )

    def __init__(self, function: Callable[..., Any]) -> None:
        self.shown = getattr(function, "__name__", type(function).__name__)
        if isinstance(function, FunctionType | MethodType) and not hasattr(function, "__wrapped__"):
            self._read_code(function)
        else:
            self._inspect(function)
        self._simple = not (self.positional_only or self.varargs or self.varkeywords)

    def _read_code(self, function: FunctionType | MethodType) -> None:
        bound = isinstance(function, MethodType)
        plain: Any = function.__func__ if bound else function
        code = plain.__code__
        skip = 1 if bound and code.co_argcount else 0
        named = code.co_argcount + code.co_kwonlyargcount
        self.names = code.co_varnames[skip:named]
        self.positional = code.co_argcount - skip
        self.positional_only = max(0, code.co_posonlyargcount - skip)
        positional = code.co_varnames[: code.co_argcount]
        given = plain.__defaults__ or ()
        self.defaults = dict(zip(positional[len(positional) - len(given) :], given, strict=True))
        self.defaults |= plain.__kwdefaults__ or {}
        extra = list(code.co_varnames[named:])
        self.varargs = extra.pop(0) if code.co_flags & _VARARGS else None
        self.varkeywords = extra.pop(0) if code.co_flags & _VARKEYWORDS else None

    def _inspect(self, function: Callable[..., Any]) -> None:
        parameters = load(HEAVY["inspect"]).signature(function).parameters.values()
        by_position = [
            p for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)
        ]
        named = by_position + [p for p in parameters if p.kind is p.KEYWORD_ONLY]
        self.names = tuple(p.name for p in named)
        self.positional = len(by_position)
        self.positional_only = sum(p.kind is p.POSITIONAL_ONLY for p in parameters)
        self.defaults = {p.name: p.default for p in named if p.default is not p.empty}
        self.varargs = next((p.name for p in parameters if p.kind is p.VAR_POSITIONAL), None)
        self.varkeywords = next((p.name for p in parameters if p.kind is p.VAR_KEYWORD), None)

    def reserve(self, *names: str) -> None:
        """Refuse a function that uses a name the engine needs.

        Raises:
            ReservedArgumentError: It does.
        """
        for name in names:
            if name in self.names:
                message = (
                    f"{self.shown}() has a parameter {name!r}, which the engine uses for itself. "
                    "Give the parameter another name."
                )
                raise ReservedArgumentError(message)

    def bind(self, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> dict[str, Any]:
        """The parameters of a call by name, defaults filled in.

        `*args` come as a tuple and `**kwargs` as a dict, each under its name.

        Raises:
            ParameterBindError: The arguments do not fit.
        """
        parameters = dict(zip(self.names, args, strict=False))
        if len(args) > self.positional:
            if self.varargs is None:
                self._refuse(
                    f"takes {self.positional} positional arguments, {len(args)} were given"
                )
            parameters = dict(zip(self.names[: self.positional], args, strict=False))
        if self.varargs is not None:
            parameters[self.varargs] = tuple(args[self.positional :])
        if kwargs:
            self._bind_named(parameters, kwargs)
        elif self.varkeywords is not None:
            parameters[self.varkeywords] = {}
        for name in self.names:
            if name not in parameters:
                default = self.defaults.get(name, REQUIRED)
                if default is REQUIRED:
                    self._refuse(f"needs {name!r}, which was not given")
                parameters[name] = default
        return parameters

    def _bind_named(self, parameters: dict[str, Any], kwargs: Mapping[str, Any]) -> None:
        rest: dict[str, Any] = {}
        for name, value in kwargs.items():
            if name not in self.names or name in self.names[: self.positional_only]:
                if self.varkeywords is None:
                    self._refuse(f"has no parameter {name!r}")
                rest[name] = value
            elif name in parameters:
                self._refuse(f"was given {name!r} twice")
            else:
                parameters[name] = value
        if self.varkeywords is not None:
            parameters[self.varkeywords] = rest

    def _refuse(self, why: str) -> None:
        message = f"{self.shown}() {why}."
        raise ParameterBindError(message)

    def from_mapping(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """The parameters of a run whose values came by name, as from a deployment.

        Raises:
            SignatureMismatchError: The function has no parameter of a given name.
            ParameterBindError: A parameter without a default is missing.
        """
        taken = dict(values)
        extra = {}
        if self.varkeywords is not None:
            extra = dict(taken.pop(self.varkeywords, {}))
        star = tuple(taken.pop(self.varargs, ())) if self.varargs is not None else ()
        unknown = [name for name in taken if name not in self.names]
        if unknown and self.varkeywords is None:
            message = (
                f"{self.shown}() was given parameters {sorted(unknown)}, which it does not have; "
                f"it has {list(self.names)}."
            )
            raise SignatureMismatchError(message)
        first = self.positional if star else self.positional_only
        args = tuple(taken.pop(name) for name in self.names[:first] if name in taken)
        return self.bind(args + star, taken | extra)

    def arguments(self, parameters: Mapping[str, Any]) -> tuple[tuple[Any, ...], Mapping[str, Any]]:
        """What to call the function with: positional and named arguments."""
        if self._simple:
            return (), parameters
        named = dict(parameters)
        star = tuple(named.pop(self.varargs)) if self.varargs is not None else ()
        double: dict[str, Any] = {}
        if self.varkeywords is not None:
            double = named.pop(self.varkeywords)
        first = self.positional if star else self.positional_only
        args = tuple(named.pop(name) for name in self.names[:first])
        return args + star, named | double


def is_coroutine_function(function: Callable[..., Any]) -> bool:
    """Whether calling this gives something to await."""
    code = _code(function)
    if code is not None:
        return bool(code.co_flags & _COROUTINE)
    return bool(load(HEAVY["inspect"]).iscoroutinefunction(function))


def is_generator_function(function: Callable[..., Any]) -> bool:
    """Whether calling this gives a generator, async or not."""
    code = _code(function)
    return code is not None and bool(code.co_flags & (_GENERATOR | _ASYNC_GENERATOR))


def _code(function: Any) -> Any:
    plain: Any = function.__func__ if isinstance(function, MethodType) else function
    return plain.__code__ if isinstance(plain, FunctionType) else None
