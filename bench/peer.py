"""The peer with what the benchmark's programs need beside it."""

from collections.abc import Sequence
from pathlib import Path

from headrace.testing import peer

EXTRAS = ("asyncpg", "pandas")


def install(directory: Path, extras: Sequence[str] = EXTRAS) -> Path:
    """Its interpreter; the environment is made when it is not there yet."""
    return peer.install(directory, extras)
