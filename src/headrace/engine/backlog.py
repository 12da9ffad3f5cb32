"""What was not acknowledged yet: the batches under way, and the spools on disk behind them."""

from __future__ import annotations

from hashlib import sha256
from threading import Lock
from time import monotonic
from typing import TYPE_CHECKING, TypeVar

from headrace.engine.delivery import Undelivered, batches
from headrace.engine.spool import Entry, Spool
from headrace.errors import HeadraceError, StaleWrite

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from headrace.engine.delivery import Delivery
    from headrace.settings import Settings

T = TypeVar("T")

FIRST_PAUSE = 0.25  # seconds before the API is tried again; doubles
LONGEST_PAUSE = 5.0  # seconds: how late, at most, it is noticed that the API is back


class Backlog:
    """Delivers batches; what cannot be delivered goes to disk and is delivered later, in order.

    Args:
        delivery: Sends a batch.
        api: Which API this is: its records never go to another one.
        settings: Where the home directory is, how large the spool may become.
        tell: Called with a sentence when the disk takes no more.
    """

    def __init__(
        self, delivery: Delivery, api: str, settings: Settings, tell: Callable[[str], None]
    ) -> None:
        self._delivery = delivery
        self._tell = tell
        self._directory = spool_directory(settings.home, api)
        self._size_bound = settings.recorder_spool_size
        self._logs_size = settings.logging_to_api_batch_size
        self._lock = Lock()
        self._under_way: list[Entry] = []
        self._held: list[Entry] = []
        self._spool: Spool | None = None
        self._adopted: list[Spool] = []
        self._pause = FIRST_PAUSE
        self._retry_at = 0.0

    @property
    def is_empty(self) -> bool:
        """All of this process's records are acknowledged."""
        return self._spool is None and not self._under_way and not self._held

    @property
    def has_room(self) -> bool:
        """More records may be given to `deliver`."""
        return not self._held and (self._spool is None or self._spool.size < self._size_bound)

    @property
    def retry_in(self) -> float | None:
        """Seconds until `deliver` should be called even without new records; None: never."""
        if self.is_empty and not self._adopted:
            return None
        return max(0.0, self._retry_at - monotonic())

    def retry_now(self) -> None:
        """Try the API at the next `deliver`, however recently it failed: someone waits."""
        self._retry_at = 0.0

    def deliver(self, entries: list[Entry]) -> None:
        """Send records, behind those that wait on disk; keep on disk what is not acknowledged.

        Raises:
            Undelivered: The API did not take all. The records are kept.
        """
        if not self.is_empty:
            self.keep(entries)
            if monotonic() < self._retry_at:
                return
            self._drain()
        else:
            self._send_or_keep(entries)
        self._drain_adopted()

    def hand_over(self, entries: list[Entry], send: Callable[[list[Entry]], T]) -> T | None:
        """Have `send` deliver records with what else it sends; None where the API did not take them.

        Raises:
            StaleWrite: `send` did, and the records were taken.
            BaseException: It was interrupted. The records are kept on disk.
        """
        self._under_way = entries
        try:
            return send(entries)
        except StaleWrite:
            raise
        except HeadraceError:
            return None
        except BaseException:
            self.keep(entries)
            raise
        finally:
            self._under_way = []

    def keep(self, entries: list[Entry]) -> bool:
        """Put records on disk; where that fails hold them in memory, and return False."""
        with self._lock:
            return self._append(entries)

    def keep_rest(self, entries: list[Entry]) -> bool:
        """Put also those on disk that are under way just now: the process is about to end."""
        with self._lock:
            under_way, self._under_way = self._under_way, []
            return self._append(under_way + entries)

    def adopt(self) -> None:
        """Take over what processes that are dead now could not deliver to this API."""
        if self._directory.is_dir():
            self._adopted.extend(Spool.adopt(self._directory))

    def close(self) -> None:
        """Let go of the files, for the next process to deliver them."""
        with self._lock:
            if self._spool is not None:
                self._spool.close()
            for spool in self._adopted:
                spool.close()
            self._spool = None
            self._adopted = []

    def forsake(self) -> None:
        """Close a forked child's copies of the files; the lock may be held by a thread it lacks."""
        for spool in (self._spool, *self._adopted):
            if spool is not None:
                spool.close()

    def _append(self, entries: list[Entry]) -> bool:
        wanted = self._held + entries
        if not wanted:
            return True
        try:
            if self._spool is None:
                self._spool = Spool.create(self._directory)
            self._spool.append(wanted)
        except OSError as error:
            self._held = wanted
            self._tell(f"records cannot be kept in {self._directory}: {error}")
            return False
        self._held = []
        return True

    def _send_or_keep(self, entries: list[Entry]) -> None:
        self._under_way = entries
        waiting = list(batches(entries, self._logs_size))
        sent = 0
        try:
            for batch in waiting:
                self._delivery.send(batch)
                sent += 1
        except BaseException as error:  # an interrupt, too: a short run's own thread delivers
            if isinstance(error, Undelivered):
                self._put_off()
            self.keep([entry for batch in waiting[sent:] for entry in batch])
            self._under_way = []
            raise
        self._under_way = []

    def _drain(self) -> None:
        if self._held and not self.keep([]):
            self._send_held()
        if self._spool is not None:
            while not self._spool.is_empty:
                self._replay(self._spool)
            with self._lock:
                self._spool.remove()
                self._spool = None
            self._pause = FIRST_PAUSE
            self.adopt()

    def _send_held(self) -> None:
        """Send what neither API nor disk would take, once the spool before it is gone."""
        if self._spool is None or self._spool.is_empty:
            held, self._held = self._held, []
            try:
                for batch in batches(held, self._logs_size):
                    self._delivery.send(batch)
            except Undelivered:
                self._held = held
                self._put_off()
                raise

    def _drain_adopted(self) -> None:
        """Deliver one piece of a dead process's spool: this process's own records go first."""
        if self._adopted and monotonic() >= self._retry_at:
            spool = self._adopted[0]
            if not spool.is_empty:
                self._replay(spool)
            if spool.is_empty:
                self._adopted.pop(0).remove()

    def _replay(self, spool: Spool) -> None:
        entries, position = spool.read()
        try:
            for batch in batches(entries, self._logs_size):
                self._delivery.send(batch)
        except Undelivered:
            self._put_off()
            raise
        spool.mark_delivered(position)

    def _put_off(self) -> None:
        self._retry_at = monotonic() + self._pause
        self._pause = min(self._pause * 2, LONGEST_PAUSE)


def spool_directory(home: Path, api: str) -> Path:
    """Where records for an API are kept."""
    return home / "spool" / sha256(api.encode()).hexdigest()[:16]
