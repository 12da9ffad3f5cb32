"""Reading long lists page by page."""

from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

PAGE = 200  # what the API gives at most in one list


def read_pages(read: Callable[[int, int], list[T]], limit: int | None = None) -> list[T]:
    """Everything that a list has, or the first of it.

    Args:
        read: Reads a page: how many at most, and how many to pass over.
        limit: How many in all at most; None is no bound.
    """
    found: list[T] = []
    while limit is None or len(found) < limit:
        size = PAGE if limit is None else min(PAGE, limit - len(found))
        page = read(size, len(found))
        found += page
        if len(page) < size:
            break
    return found
