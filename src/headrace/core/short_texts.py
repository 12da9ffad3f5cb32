"""Remembering what short texts mean: a bound on their length, not only on their number."""

from collections.abc import Callable
from functools import lru_cache, wraps
from typing import Final, ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")

SHORT: Final = 8192
"""Characters. States, parameters and tags of nearly all runs; hundreds of longer ones fill the memory."""

TEMPLATE: Final = 65_536
"""Characters. Templates and schemas, of which there are few: the longest that ships has 6,000."""


def remember_short(
    entries: int, longest: int = SHORT
) -> Callable[[Callable[P, T]], Callable[P, T]]:
    """Decorate a function of texts: its answers for short ones are kept, as `lru_cache` does.

    Args:
        entries: Answers that are kept.
        longest: Characters of the texts of a call together, beyond which nothing is kept.
    """

    def decorate(read: Callable[P, T]) -> Callable[P, T]:
        known = lru_cache(maxsize=entries)(read)

        @wraps(read)
        def remembering(*texts: P.args, **named: P.kwargs) -> T:
            length = 0
            for text in texts:
                if isinstance(text, str):
                    length += len(text)
            return known(*texts, **named) if length <= longest else read(*texts, **named)

        return remembering

    return decorate
