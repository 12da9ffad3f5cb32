"""Unique priorities of a pool's queues. 1 is the highest."""

from collections.abc import Hashable, Mapping
from typing import TypeVar

K = TypeVar("K", bound=Hashable)


def last_priority(others: Mapping[K, int]) -> int:
    """The priority of a queue that names none: after all others."""
    return max(others.values(), default=0) + 1


def make_room(others: Mapping[K, int], priority: int) -> dict[K, int]:
    """The others' new priorities when a queue takes `priority`: those that change.

    Only the unbroken run of queues from there on moves, each by one; nobody overtakes anybody.
    """
    by_priority = {taken: key for key, taken in others.items()}
    moved: dict[K, int] = {}
    while priority in by_priority:
        moved[by_priority[priority]] = priority + 1
        priority += 1
    return moved
