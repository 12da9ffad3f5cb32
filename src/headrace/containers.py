"""Plain containers of anything: looking inside, and making one like another."""

from collections.abc import Callable, Iterable
from typing import Any

SEQUENCES = (list, tuple, set, frozenset)
ATOMS = frozenset((str, int, float, bool, type(None), bytes, complex))
"""Types whose values hold nothing else: passed over at once, because most values are of them."""


def elements(value: Any) -> Iterable[Any]:
    """What a list, tuple, set or dict holds (of a dict, its values); nothing for other values."""
    kind: Any = value.__class__
    if issubclass(kind, SEQUENCES):
        return value
    return value.values() if issubclass(kind, dict) else ()


def is_container(value: Any) -> bool:
    """Whether this is a list, tuple, set or dict."""
    return issubclass(type(value), (*SEQUENCES, dict))


def leaves(value: Any) -> Iterable[Any]:
    """What lies in a container in any depth, less atoms; a value that is no container itself."""
    if not is_container(value):
        yield value
        return
    for element in elements(value):
        if element.__class__ not in ATOMS:
            yield from leaves(element)


def rebuilt(value: Any, change: Callable[[Any], Any]) -> Any:
    """A container of the same kind with each element changed."""
    make: Any = value.__class__
    if is_mapping(value):
        return make([(key, change(element)) for key, element in value.items()])
    changed = [change(element) for element in value]
    if hasattr(make, "_fields"):  # a named tuple takes its elements one by one
        return make(*changed)
    return make(changed)


def is_mapping(value: Any) -> bool:
    """Whether this is a dict, of whatever subclass."""
    return issubclass(type(value), dict)
