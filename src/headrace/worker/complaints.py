"""Says what does not work, without saying it again and again."""

import logging

from headrace.errors import HeadraceError

_log = logging.getLogger("headrace.worker")


class Complaints:
    """Says once that something does not work, and once that it does again.

    Args:
        settled: What is said when it does.
    """

    def __init__(self, settled: str) -> None:
        self._settled = settled
        self._open: set[str] = set()

    def made(self, about: str, what: str, error: HeadraceError) -> None:
        """It does not work."""
        if about not in self._open:
            self._open.add(about)
            _log.warning("%s: %s", what, error)

    def is_open(self, about: str) -> bool:
        """Whether it does not work now."""
        return about in self._open

    def settled(self, about: str) -> None:
        """It works."""
        if about in self._open:
            self._open.discard(about)
            _log.warning("%s: %s", about, self._settled)
