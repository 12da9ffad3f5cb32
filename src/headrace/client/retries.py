"""When a request is sent again: a pure rule.

A request is repeated when that cannot do harm: it never reached the server (connection refused, or
rejected before it was processed: 429, 503 with `Retry-After`), or repeating it has the same effect as
sending it once (`is_idempotent`, which the caller knows).
"""

from __future__ import annotations

FIRST_DELAY = 0.1  # seconds; doubles with each attempt
LONGEST_DELAY = 10.0  # seconds: beyond it waiting longer does not help a server up
LONGEST_ASKED = 60.0  # seconds that a server's Retry-After is followed for
REJECTED = frozenset({429, 503})
"""Statuses that say the request was not processed."""
FAULTS = frozenset({408, 500, 502, 504})
"""Statuses after which it is not known whether the request was processed."""


class RetryRule:
    """How often and how fast.

    Args:
        attempts: Repetitions after the first try.
        jitter: Part of each delay that is drawn at random, 0 to 1, so that many clients spread.
        extra_codes: More statuses that say the request was not processed.
    """

    __slots__ = ("attempts", "extra_codes", "jitter")

    def __init__(
        self, attempts: int = 5, jitter: float = 0.2, extra_codes: tuple[int, ...] = ()
    ) -> None:
        self.attempts = attempts
        self.jitter = jitter
        self.extra_codes = frozenset(extra_codes)

    def with_attempts(self, attempts: int) -> RetryRule:
        """The same rule with another bound."""
        return RetryRule(attempts, self.jitter, tuple(self.extra_codes))

    def delay_after_status(
        self, attempt: int, status: int, asked: float | None, draw: float, *, is_idempotent: bool
    ) -> float | None:
        """Seconds to wait before repeating after an answer, or None to give up.

        Args:
            attempt: Repetitions so far.
            status: The answer's status.
            asked: Its `Retry-After`, seconds.
            draw: A random number from 0 to 1.
            is_idempotent: Repeating has the same effect as sending it once.
        """
        rejected = status in REJECTED or status in self.extra_codes
        if attempt >= self.attempts or not (rejected or (is_idempotent and status in FAULTS)):
            return None
        if asked is not None:
            return min(asked, LONGEST_ASKED) + self.jitter * draw * min(asked, 1.0)
        return self._delay(attempt, draw)

    def delay_after_failure(
        self, attempt: int, draw: float, *, was_sent: bool, is_idempotent: bool
    ) -> float | None:
        """Seconds to wait before repeating a request that got no answer, or None to give up."""
        if attempt >= self.attempts or (was_sent and not is_idempotent):
            return None
        return self._delay(attempt, draw)

    def _delay(self, attempt: int, draw: float) -> float:
        delay = min(FIRST_DELAY * 2**attempt, LONGEST_DELAY)
        return delay * (1 + self.jitter * (draw - 0.5))
