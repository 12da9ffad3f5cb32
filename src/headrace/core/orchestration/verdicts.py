"""What the rules answer to a proposed state."""

from dataclasses import dataclass

from headrace.core.orchestration.facts import Policy
from headrace.core.states import State


@dataclass(frozen=True, slots=True)
class Accept:
    """The run enters the state, which may carry more than was proposed.

    Args:
        state: The state to write.
        policy: The run's retry and pause settings, where the change touches them.
        anew: Whether the run's attempts are counted from the beginning: a task that was over has all
            of its retries again.
    """

    state: State
    policy: Policy | None = None
    anew: bool = False


@dataclass(frozen=True, slots=True)
class Reject:
    """The run does not enter the proposed state; the proposer goes on from the state it is told.

    Args:
        reason: A sentence for people.
        state: Another state that the run enters instead, or none to stay where it is.
        policy: The run's retry and pause settings, where the other state touches them.
    """

    reason: str
    state: State | None = None
    policy: Policy | None = None


@dataclass(frozen=True, slots=True)
class Wait:
    """The proposer should propose again later; the run stays where it is.

    Args:
        delay_seconds: How much later, in seconds.
        reason: A sentence for people.
    """

    delay_seconds: int
    reason: str


@dataclass(frozen=True, slots=True)
class Abort:
    """The proposer should stop; the run stays where it is.

    Args:
        reason: A sentence for people.
    """

    reason: str


Verdict = Accept | Reject | Wait | Abort
