"""What a comparison found."""

import re
from collections import Counter
from dataclasses import dataclass, field

from headrace.testing.differential.deliberate import is_deliberate


@dataclass
class Findings:
    """Counts by operation, and every difference that nothing explains."""

    loaded: Counter[str] = field(default_factory=Counter[str])
    """Objects by noun, `write` for the requests that made them."""
    asked: Counter[str] = field(default_factory=Counter[str])
    answered: Counter[str] = field(default_factory=Counter[str])
    """Questions that all sides answered with success."""
    failed: Counter[str] = field(default_factory=Counter[str])
    """Questions at which the peer failed: there is nothing to compare with."""
    differences: dict[str, list[str]] = field(default_factory=dict[str, list[str]])
    deliberate: Counter[str] = field(default_factory=Counter[str])
    seconds: Counter[str] = field(default_factory=Counter[str])

    def add(self, operation: str, side: str, what: str) -> None:
        """Keep one difference, unless it is one that is meant.

        Args:
            operation: Method and path.
            side: Which of our servers differs from the peer.
            what: How.
        """
        operation = shape(operation)
        reason = is_deliberate(operation, what)
        if reason is not None:
            self.deliberate[reason] += 1
        else:
            self.differences.setdefault(operation, []).append(f"[{side}] {what}")

    @property
    def unexplained(self) -> int:
        """How many differences."""
        return sum(map(len, self.differences.values()))


def shape(operation: str) -> str:
    """An operation with `{id}` for any object."""
    return re.sub(r"\{[^}]+\}", "{id}", operation)
