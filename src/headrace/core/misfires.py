"""Misfires: what becomes of a schedule's times that passed without their runs having begun.

A policy judges two things by one rule: runs that wait although their time has passed, and times that
passed before anybody made runs for them. Without a policy a run waits for as long as it takes, and
times without runs are let go.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal, get_args

Policy = Literal["skip", "latest", "all"]
POLICIES: tuple[Policy, ...] = get_args(Policy)

_MICROSECOND = timedelta(microseconds=1)

SKIPPED = "Skipped"
"""The name of the state, of type CANCELLED, of a run whose time was missed."""

USUAL_LATENESS = timedelta(seconds=60)
"""How late a run begins under `skip` where nothing else is said: workers of the contract look for
work every 15 s, and starting one takes a while."""


@dataclass(frozen=True, slots=True)
class Misfire:
    """What a schedule does about missed times.

    Args:
        policy: `skip`: a time that is missed is let go. `latest`: of those that wait, the newest runs.
            `all`: each runs, however late.
        max_lateness: How late a run may begin at most, a `timedelta` or seconds; None is the policy's
            own bound: 60 s for `skip`, none for the others.

    Raises:
        ValueError: There is no such policy, or the lateness is negative.
    """

    policy: Policy
    max_lateness: timedelta | None = None

    def __post_init__(self) -> None:
        if self.policy not in POLICIES:
            message = f"a misfire policy is one of {', '.join(POLICIES)}; not {self.policy!r}"
            raise ValueError(message)
        given: timedelta | float | None = self.max_lateness
        if isinstance(given, int | float):
            object.__setattr__(self, "max_lateness", timedelta(seconds=given))
        if self.max_lateness is not None and self.max_lateness < timedelta(0):
            message = f"a misfire's maximum lateness is not negative; this one is {given}"
            raise ValueError(message)

    @property
    def lateness(self) -> timedelta | None:
        """How late a run may begin; None is without bound."""
        if self.max_lateness is None and self.policy == "skip":
            return USUAL_LATENESS
        return self.max_lateness


def keep(times: Sequence[datetime], now: datetime, misfire: Misfire) -> list[datetime]:
    """Those of some passed times that may still have their runs, in ascending order."""
    bound = misfire.lateness
    fresh = sorted(time for time in set(times) if bound is None or now - time <= bound)
    return fresh[-1:] if misfire.policy == "latest" else fresh


def next_judgement(waiting: Sequence[datetime], ahead: datetime, misfire: Misfire) -> datetime:
    """When the runs of a schedule are to be looked at again.

    Args:
        waiting: The times of those that wait although they have passed.
        ahead: The next time that is due.
        misfire: The schedule's policy.
    """
    bound = misfire.lateness
    if bound is None:
        return ahead + _MICROSECOND
    return min([ahead, *(time + bound for time in waiting)]) + _MICROSECOND
