"""Waiting for what must come, on a machine of any speed."""

import time
from collections.abc import Callable

WAIT_SECONDS = 90.0
"""How long it may take, on a machine that is busy with other things. A test's own bound is longer."""

PAUSE_SECONDS = 0.01  # between two looks: the wait ends soon after what it is for


def wait_until(
    holds: Callable[[], object],
    describe: Callable[[], str] = lambda: "it did not come about",
    seconds: float = WAIT_SECONDS,
) -> None:
    """Ask again and again, for so long; `describe` says what was found instead."""
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, describe()
        time.sleep(PAUSE_SECONDS)
