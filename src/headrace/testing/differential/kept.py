"""What a peer was loaded with, kept from one comparison to the next: it is the slow part."""

import hashlib
import shutil
from collections.abc import Sequence
from pathlib import Path

import msgspec

from headrace.testing.differential.objects import Step
from headrace.testing.differential.sides import Reply

_REPLIES = "replies.json"


class KeptReplies(msgspec.Struct, frozen=True):
    """What a peer answered while it was loaded.

    Args:
        began: When loading began, in seconds since 1970.
        replies: In order.
    """

    began: float
    replies: list[Reply]


class KeptLoad:
    """A directory with the home of a peer that took certain steps, and what it answered."""

    def __init__(self, directory: Path, seed: int, steps: Sequence[Step]) -> None:
        """Nothing but the same steps is kept: another day, number or version makes other ones."""
        digest = hashlib.sha256(repr(steps).encode()).hexdigest()[:12]
        self._directory = directory / f"seed-{seed}-{digest}"
        self.home = self._directory / "peer"
        if not self._file.exists():  # the last loading did not end
            shutil.rmtree(self._directory, ignore_errors=True)

    @property
    def _file(self) -> Path:
        return self._directory / _REPLIES

    def load(self) -> KeptReplies | None:
        """What the peer answered; None when it was not loaded yet."""
        if not self._file.exists():
            return None
        return msgspec.json.decode(self._file.read_bytes(), type=KeptReplies)

    def save(self, kept: KeptReplies) -> None:
        """Keep what the peer answered; its home holds the rest."""
        self._file.write_bytes(msgspec.json.encode(kept))
