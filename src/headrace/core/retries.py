"""How long to wait before a run is tried again."""

from collections.abc import Callable, Sequence

Delays = float | int | Sequence[float | int]
"""Seconds: one delay for all retries, or one each; the last one serves for those beyond it."""

MAX_DELAYS = 50  # delays a task may list; more is a slip, and each is stored with every run


def exponential_backoff(backoff_factor: float) -> Callable[[int], list[float]]:
    """Delays that double: `backoff_factor` seconds times 1, 2, 4, …, one for each retry.

    Args:
        backoff_factor: The first delay in seconds.
    """

    def delays(retries: int) -> list[float]:
        return [backoff_factor * max(0, 2**number) for number in range(retries)]

    return delays


def delay_before(retry: int, delays: Delays, jitter_factor: float | None, chance: float) -> float:
    """Seconds before a retry.

    Args:
        retry: 1 for the first retry.
        delays: See `Delays`.
        jitter_factor: 0.3 spreads a delay of 10 s over 7 s to 13 s; None or 0 leaves it.
        chance: A random number in [0, 1).
    """
    if isinstance(delays, int | float):
        delay = float(delays)
    else:
        delay = float(delays[min(retry, len(delays)) - 1]) if delays else 0.0
    if jitter_factor:
        delay *= 1 + jitter_factor * (2 * chance - 1)
    return max(0.0, delay)
