"""Giving memory back to the system, which the allocator keeps for later."""

import ctypes
from contextlib import suppress


def give_back() -> None:
    """Return free pages to the system, where the C library can: glibc's keeps them by the thread.

    Some ten milliseconds after much was freed; without effect elsewhere.
    """
    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).malloc_trim(0)
