"""The arithmetic of concurrency limits. Pure."""

import math

LEAST_WAIT_SECONDS = 0.1
"""A caller that is told to come back comes no sooner: shorter waits only make load."""

LONGEST_WAIT_SECONDS = 30.0
"""A caller that is told to come back comes no later: slots may be given back any time."""

LEAST_OCCUPANCY_SECONDS = 2.0
"""Slots are taken to be held for at least this long when a wait is estimated."""

_NOISE = 1e-9  # slots; what float arithmetic may add


def decayed(taken: float, per_second: float, seconds: float) -> float:
    """Slots that are still taken.

    Args:
        taken: Slots.
        per_second: Slots that free themselves each second.
        seconds: Time since `taken` was counted.
    """
    return max(0.0, taken - per_second * max(0.0, seconds))


def whole(taken: float) -> int:
    """Slots that nobody else can have: a part of one is not free yet."""
    return math.ceil(taken - _NOISE)


def wait_seconds(slots: int, limit: int, per_second: float, denied: int, occupancy: float) -> float:
    """How long until `slots` may be free, roughly.

    Args:
        slots: How many are wanted.
        limit: How many there are.
        per_second: Slots that free themselves each second.
        denied: Slots that others were refused and will want as well.
        occupancy: Seconds for which a slot is held on average.
    """
    if per_second > 0:
        seconds = (denied + slots) / per_second
    else:
        seconds = max(occupancy, LEAST_OCCUPANCY_SECONDS) * slots / max(limit, 1)
    return min(max(seconds, LEAST_WAIT_SECONDS), LONGEST_WAIT_SECONDS)


def new_occupancy(average: float, seconds: float, slots: int, limit: int) -> float:
    """The average time that a slot is held, after `slots` of `limit` were given back."""
    weight = min(1.0, slots / (2 * max(limit, 1)))
    return max(LEAST_OCCUPANCY_SECONDS, average + (seconds - average) * weight)
