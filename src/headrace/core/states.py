"""The states a run can be in: types, names, and the value that stands for one state."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final


class StateType(StrEnum):
    """What the rules look at; a state's name says the rest."""

    SCHEDULED = "SCHEDULED"
    PENDING = "PENDING"
    RUNNING = "RUNNING"
    COMPLETED = "COMPLETED"
    FAILED = "FAILED"
    CANCELLED = "CANCELLED"
    CRASHED = "CRASHED"
    PAUSED = "PAUSED"
    CANCELLING = "CANCELLING"


TERMINAL: Final = frozenset(
    {StateType.COMPLETED, StateType.FAILED, StateType.CANCELLED, StateType.CRASHED}
)
"""A run in one of these is over."""

LIVE: Final = frozenset({StateType.PENDING, StateType.RUNNING, StateType.CANCELLING})
"""A run in one of these uses a slot of every limit it falls under."""

# Names of the contract that say more than the type does.
LATE: Final = "Late"
AWAITING_RETRY: Final = "AwaitingRetry"
RESUMING: Final = "Resuming"
RETRYING: Final = "Retrying"
RERUNNING: Final = "Rerunning"
SUSPENDED: Final = "Suspended"
CACHED: Final = "Cached"
AWAITING_CONCURRENCY_SLOT: Final = "AwaitingConcurrencySlot"


def default_name(state_type: StateType) -> str:
    """The name of a state whose proposer gave none: its type, capitalised."""
    return state_type.capitalize()


@dataclass(frozen=True, slots=True)
class State:
    """One state of one run.

    Args:
        type: What the rules look at.
        name: What people read.
        id: A UUID v7; the event that tells of the state has the same id.
        timestamp: When the run entered it, as fixed-width text.
        message: A sentence for people, or none.
        details: The details that differ from their defaults; times as text.
        data: What the run returned, or where it lies.
    """

    type: StateType
    name: str
    id: str
    timestamp: str
    message: str | None = None
    details: Mapping[str, object] = field(default_factory=dict[str, object])
    data: object = None

    @property
    def is_terminal(self) -> bool:
        """Whether the run is over."""
        return self.type in TERMINAL

    def text_detail(self, name: str) -> str | None:
        """A detail that is text or absent: a time, a key."""
        value = self.details.get(name)
        return value if isinstance(value, str) else None
