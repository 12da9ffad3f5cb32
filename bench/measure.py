"""What a row reports, and how it is judged against its budget."""

import statistics
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from bench.sides import Side

MISSED = 1.5  # a row beyond its budget by more than this is not done


@dataclass(frozen=True)
class Budget:
    """What a row must reach: a bound of its own, or a multiple of the peer."""

    at_most: float | None = None
    at_least: float | None = None
    times_peer: float | None = None  # of the peer's default settings

    def target(self, peer: float | None) -> float | None:
        if self.times_peer is None:
            return self.at_most if self.at_most is not None else self.at_least
        return None if peer is None else self.times_peer * peer

    def verdict(self, value: float, peer: float | None) -> str:
        target = self.target(peer)
        if not target:
            return ""
        missed_by = value / target if self.at_most is not None else target / max(value, 1e-9)
        if missed_by <= 1:
            return "met"
        return f"missed by {missed_by:.2f}x" + (" (not done)" if missed_by > MISSED else "")


@dataclass
class Figure:
    """One row on one side: its samples, their unit, and the errors seen."""

    row: str
    unit: str
    budget: Budget
    samples: list[float] = field(default_factory=list)
    errors: int = 0

    @property
    def median(self) -> float:
        return statistics.median(self.samples)


@dataclass(frozen=True)
class Context:
    """What every row is given."""

    side: Side
    repeats: int
    scratch: Path
    postgresql: Callable[[str], str]  # name -> address of a fresh database


Row = Callable[[Context], list[Figure]]
