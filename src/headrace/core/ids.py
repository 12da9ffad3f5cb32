"""Ids: UUIDs of version 7, which sort by the time they were made."""

import os
import time
from typing import Final

_VERSION: Final = 0x7 << 76
_VARIANT: Final = 0b10 << 62
_SUB_MILLISECOND: Final = 244  # ns in one of the 4,096 steps that 12 bits cut a millisecond into

_last = 0


def new_id() -> str:
    """A new UUID v7 as text: later ids of one process sort after earlier ones."""
    global _last  # noqa: PLW0603 - the one clock of this process
    milliseconds, rest = divmod(time.time_ns(), 1_000_000)
    moment = (milliseconds << 12) | min(rest // _SUB_MILLISECOND, 0xFFF)
    if moment <= _last:
        moment = _last + 1
    _last = moment
    # The system's randomness: a user's `random.seed` or a fork must not repeat an id.
    noise = int.from_bytes(os.urandom(8), "big") >> 2
    number = ((moment >> 12) << 80) | _VERSION | ((moment & 0xFFF) << 64) | _VARIANT | noise
    digits = f"{number:032x}"
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"
