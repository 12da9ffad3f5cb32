"""Marks that a caller puts on an argument of a task, to say how the engine treats it."""

from typing import Any


class Annotation:
    """A value with a mark on it; the engine takes the mark off before the task sees the value."""

    __slots__ = ("value",)

    def __init__(self, value: Any) -> None:
        self.value = value

    def unwrap(self) -> Any:
        """The value without its mark."""
        return self.value

    def rewrap(self, value: Any) -> "Annotation":
        """Another value under the same mark."""
        return type(self)(value)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.value!r})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Annotation) and (type(self), self.value) == (
            type(other),
            other.value,
        )

    __hash__ = None  # pyright: ignore[reportAssignmentType]  # equal by value, so not hashable


class unmapped(Annotation):  # noqa: N801  # the contract's name
    """Under `map`: give this same value to every run, though it is a sequence."""

    __slots__ = ()

    def __getitem__(self, _: object) -> Any:
        return self.value


class allow_failure(Annotation):  # noqa: N801  # the contract's name
    """Run the task also when this upstream failed; the task then sees the error as the value."""

    __slots__ = ()


class quote(Annotation):  # noqa: N801  # the contract's name
    """Pass the value on as it is, without searching it for futures."""

    __slots__ = ()

    def unquote(self) -> Any:
        """The value without its mark."""
        return self.value


Quote = quote


class opaque(Annotation):  # noqa: N801  # the contract's name
    """Pass the value on as it is, as `quote` does, and hash it by its identity."""

    __slots__ = ()


class freeze(Annotation):  # noqa: N801  # the contract's name
    """A parameter of a deployment that a run may not change."""

    __slots__ = ()

    def unfreeze(self) -> Any:
        """The value without its mark."""
        return self.value


class NotSet:
    """Says that an option was not given, where None is a value of its own."""


def is_set(value: Any) -> bool:
    """Whether an option was given."""
    return value is not NotSet
