"""Letting go of memory: what errors hold, and what the allocator keeps for later."""

import ctypes
import gc
import traceback
from contextlib import suppress


def clear_frames(error: BaseException) -> None:
    """Empty the frames that an error came through, once it is answered.

    Errors and frames hold each other, and a frame holds the request's body: without this, megabytes of
    each refused request stay until the collector looks at the oldest objects, which it seldom does.
    """
    seen: BaseException | None = error
    while seen is not None:
        traceback.clear_frames(seen.__traceback__)
        seen = seen.__cause__ or seen.__context__


def give_back() -> None:
    """Return free pages to the system, where the C library can: glibc's keeps them by the thread.

    Some ten milliseconds after much was freed; without effect elsewhere.
    """
    gc.collect()
    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).malloc_trim(0)
