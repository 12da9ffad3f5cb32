"""Ids: UUIDs of version 7, which sort by the time they were made, and random ones of version 4."""

import os
import time
from typing import Final

_VERSION_7: Final = 0x7 << 76
_VERSION_4: Final = 0x4 << 76
_VERSION_BITS: Final = 0xF << 76
_VARIANT: Final = 0b10 << 62
_VARIANT_BITS: Final = 0b11 << 62
_SUB_MILLISECOND: Final = 244  # ns in one of the 4,096 steps that 12 bits cut a millisecond into
_DRAW: Final = 256  # numbers drawn from the system at once

_last = 0
_noise: list[int] = []


def new_id() -> str:
    """A new UUID v7 as text: later ids of one process sort after earlier ones."""
    global _last  # noqa: PLW0603 - the one clock of this process
    milliseconds, rest = divmod(time.time_ns(), 1_000_000)
    moment = (milliseconds << 12) | min(rest // _SUB_MILLISECOND, 0xFFF)
    if moment <= _last:
        moment = _last + 1
    _last = moment
    noise = _draw() >> 2
    return _text(((moment >> 12) << 80) | _VERSION_7 | ((moment & 0xFFF) << 64) | _VARIANT | noise)


def first_id_of(moment: float) -> str:
    """The lowest id that can be made at a moment, in seconds since 1970."""
    digits = f"{int(moment * 1000):012x}"
    return f"{digits[:8]}-{digits[8:]}-7000-8000-000000000000"


def random_id() -> str:
    """A new UUID v4 as text."""
    number = (_draw() << 64) | _draw()
    return _text((number & ~_VERSION_BITS & ~_VARIANT_BITS) | _VERSION_4 | _VARIANT)


def _draw() -> int:
    """64 random bits of the system's: a user's `random.seed` or a fork must not repeat an id.

    Many are drawn at once: asking the system gives up the interpreter, and where another thread is
    busy it comes back only 5 ms later.
    """
    while True:
        try:
            return _noise.pop()
        except IndexError:
            drawn = os.urandom(8 * _DRAW)
            _noise.extend(memoryview(drawn).cast("Q"))


def _text(number: int) -> str:
    digits = f"{number:032x}"
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_noise.clear)
