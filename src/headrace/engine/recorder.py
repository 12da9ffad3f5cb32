"""The recorder: reports states, events and logs from one background thread.

No task waits for the network: a record is put into a queue and encoded later, in the thread. What
was put is delivered or still kept; nothing is dropped before it is acknowledged:

- in memory, up to `QUEUE_RECORDS`; beyond that the one who reports waits (back-pressure);
- on disk (`spool`), as soon as the API does not take a batch, up to the setting
  `recorder_spool_size`; then memory fills, then reporters wait;
- a record that the API refuses for what is in it is named in this process's log, and only it goes.

Events keep their order, and so do logs: one batch of each kind is under way at a time, and while
anything is on disk, newer records queue up behind it.
"""

from __future__ import annotations

import atexit
import logging
import os
import signal
import sys
import threading
from collections import deque
from queue import Empty, SimpleQueue
from time import monotonic
from typing import TYPE_CHECKING, TypeVar

from headrace._bindings import load
from headrace.client.default import default_client
from headrace.client.encoding import encode
from headrace.engine.backlog import Backlog
from headrace.engine.delivery import BATCH_RECORDS, EVENT, LOG, Delivery, Undelivered
from headrace.engine.spool import Entry
from headrace.settings import settings

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType

    from headrace.client import Client
    from headrace.errors import HeadraceError

T = TypeVar("T")

QUEUE_RECORDS = 10_000  # records waiting in memory: some 20 MB of task events
TAKEN_RECORDS = 2_000  # records encoded at a time: bounds what is held twice
HURRY_RECORDS = 500  # records that are not waited any longer for: a request is full
REQUEST_TIMEOUT = 30.0  # seconds; the spool is the better place for a record than a hung request
WARN_EVERY = 60.0  # seconds between two warnings of one kind
STOP_TIMEOUT = 1.0  # seconds for the thread to end; a request under way is not waited for
SHOWN = 300  # characters of a refused record in the message about it

_logger = logging.getLogger("headrace.recorder")


class _Marker:
    """A place in the queue.

    `wait` ends when all that was put before it is acknowledged. With `until_taken` it ends when that
    has left the queue; with `until_tried` also when the API did not take it.
    """

    __slots__ = ("_is_acknowledged", "_lock", "until_taken", "until_tried")

    def __init__(self, *, until_taken: bool = False, until_tried: bool = False) -> None:
        self.until_taken = until_taken
        self.until_tried = until_tried
        self._is_acknowledged = False
        self._lock = threading.Lock()
        self._lock.acquire()

    def reached(self, *, is_acknowledged: bool) -> None:
        self._is_acknowledged = is_acknowledged
        self._lock.release()

    def wait(self, timeout: float) -> bool:
        return self._lock.acquire(timeout=max(0.0, timeout)) and self._is_acknowledged


class _Bell:
    """Wakes the thread."""

    __slots__ = ("_rings",)

    def __init__(self) -> None:
        self._rings: SimpleQueue[None] = SimpleQueue()  # which a signal handler may put to

    def ring(self) -> None:
        self._rings.put(None)

    def wait(self, timeout: float | None) -> bool:
        """Wait for a ring; False when `timeout` seconds passed first."""
        try:
            self._rings.get(timeout=timeout)
        except Empty:
            return False
        return True

    def wait_all(self, seconds: float, stop: threading.Event) -> None:
        """Let time pass, whoever rings, until `stop`."""
        deadline = monotonic() + seconds
        while not stop.is_set() and (left := deadline - monotonic()) > 0:
            self.wait(left)


class Recorder:
    """Reports to one API. Any thread may use it."""

    def __init__(self, client: Client, *, interval: float | None = None) -> None:
        """Make a recorder; its thread starts with the first record.

        Args:
            client: The API.
            interval: Seconds that a record may wait for others to go with it, instead of the
                setting `logging_to_api_batch_interval`.
        """
        self.client = client
        self._interval = interval
        self.begin()

    def begin(self) -> None:
        """Be empty."""
        current = settings()
        self._queue: deque[tuple[bytes, object] | _Marker] = deque()
        self._bell = _Bell()
        self._is_asleep = True
        self._is_hurried = False
        self._is_busy = False
        self._thread: threading.Thread | None = None
        self._stop = threading.Event()
        self._starting = threading.RLock()  # a signal handler may close amid a start
        self._waiting: list[_Marker] = []
        self._warned: dict[str, float] = {}
        self._bound = current.events_worker_max_queue_size or QUEUE_RECORDS
        interval = current.logging_to_api_batch_interval
        self._pause = interval if self._interval is None else self._interval
        delivery = Delivery(self.client, REQUEST_TIMEOUT, _tell_refused)
        self._backlog = Backlog(
            delivery, self.client.identity, current, lambda text: self._warn("disk", text)
        )

    # What reporters call

    def event(self, event: object) -> None:
        """Report an event: something with `encode() -> bytes`, or what msgspec encodes."""
        self._put((EVENT, event))

    def log(self, record: object) -> None:
        """Report a log record: something with `encode() -> bytes`, or what msgspec encodes."""
        self._put((LOG, record))

    def flush(self, timeout: float) -> bool:
        """Wait until all that was reported so far is acknowledged by the API.

        Returns:
            False when `timeout` seconds passed first, or the API refuses this process (a wrong key
            or address). Nothing is lost then: the recorder goes on.
        """
        return self._wait_for(_Marker(), timeout)

    def close(self, timeout: float) -> bool:
        """Flush, end the thread, put on disk what the API did not take.

        A record that comes afterwards starts the thread again.

        Returns:
            True when all was acknowledged; False when something is kept on disk for the next
            process.
        """
        is_done = self._wait_for(_Marker(until_tried=True), timeout)
        with self._starting:
            thread, self._thread = self._thread, None
            self._stop.set()
            self._hurry()
        if thread is not None and thread is not threading.current_thread():
            thread.join(STOP_TIMEOUT)
        rest = self._take(len(self._queue))
        if not self._backlog.keep_rest(rest):
            _logger.error("%d records are lost: neither API nor disk takes them", len(rest))
            is_done = False
        self._backlog.close()
        self._is_asleep = True
        return is_done

    def forsake(self) -> None:
        """Be empty without a word to anybody: in a forked child, whose parent goes on with it all."""
        self._backlog.forsake()
        self.begin()

    def _wait_for(self, marker: _Marker, timeout: float) -> bool:
        if not self._queue and not self._is_busy and self._backlog.is_empty:
            return True
        if self._deliver_here():
            return True
        self._queue.append(marker)
        self._start()
        self._hurry()
        return marker.wait(timeout)

    # The path of a record: as short as it can be

    def _put(self, item: tuple[bytes, object]) -> None:
        queue = self._queue
        queue.append(item)
        if self._is_asleep:
            self._is_asleep = False
            self._start(is_needed=False)
            self._bell.ring()
        size = len(queue)
        if size >= HURRY_RECORDS and not self._is_hurried:
            self._start()
            self._hurry()
        if size > self._bound:
            self._wait_for_room()

    def _hurry(self) -> None:
        self._is_hurried = True
        self._bell.ring()

    def _wait_for_room(self) -> None:
        """Hold the reporter until the thread has caught up: the bound of what is in memory."""
        if threading.current_thread() is self._thread:
            return
        while len(self._queue) > self._bound and not self._stop.is_set():
            marker = _Marker(until_taken=True)
            self._queue.append(marker)
            self._start()
            self._hurry()
            if not marker.wait(WARN_EVERY):
                self._warn("full", "the API takes no records, and no more may be kept on disk")

    def hand_over(self, send: Callable[[list[Entry]], T]) -> T | None:
        """Have `send` deliver all records together with what else it sends, as a short run ends.

        Returns:
            Its answer; None where that is not possible: then a flush delivers them.

        Raises:
            StaleWrite: `send` did, and the records were taken.
        """
        with self._starting:
            if len(self._queue) > BATCH_RECORDS or not self._can_deliver_here():
                return None
            self._is_asleep = True  # first: what is put meanwhile is not overlooked
            entries = self._take(BATCH_RECORDS)
            answer = self._backlog.hand_over(entries, send)
            if answer is None:
                self._deliver(entries)
            return answer

    def _deliver_here(self) -> bool:
        """Deliver all without a thread; False where that takes a thread."""
        with self._starting:
            if not self._can_deliver_here():
                return False
            self._is_asleep = True  # as above
            _guarded(self._work)
        return not self._queue and self._backlog.is_empty

    def _can_deliver_here(self) -> bool:
        """What the API does not take, and what dead processes have left, is the thread's affair."""
        if self._thread is not None or not _Recorders.is_held_back:
            return False
        _guarded(self._backlog.adopt)
        return self._backlog.retry_in is None

    def _start(self, *, is_needed: bool = True) -> None:
        """Have a thread; where threads are held back, only if it `is_needed` now."""
        if self._thread is not None:
            return
        if _Recorders.is_held_back and not is_needed:
            _register(self)
            return
        with self._starting:
            if self._thread is None:
                _register(self)
                self._stop = threading.Event()
                self._thread = threading.Thread(
                    target=self._run, args=(self._stop,), name="headrace-recorder", daemon=True
                )
                self._thread.start()

    # The thread

    def _run(self, stop: threading.Event) -> None:
        _guarded(self._backlog.adopt)
        while not stop.is_set():
            self._sleep()
            _guarded(self._work)

    def _sleep(self) -> None:
        """Wait for a record, then a little longer for others to go with it, unless hurried."""
        if not self._backlog.has_room:
            self._bell.wait_all(self._backlog.retry_in or 0.0, self._stop)
            return
        if not self._queue:
            self._is_asleep = True
            if not self._queue and not self._bell.wait(self._backlog.retry_in):
                self._is_asleep = False
                return
        self._is_asleep = False
        deadline = monotonic() + self._pause
        while not self._is_hurried and (left := deadline - monotonic()) > 0:
            self._bell.wait(left)
        self._is_hurried = False

    def _work(self) -> None:
        self._is_busy = True
        try:
            while True:
                entries = self._take(TAKEN_RECORDS) if self._backlog.has_room else []
                self._deliver(entries)
                if not self._backlog.is_empty or not self._queue:
                    break
        finally:
            self._is_busy = False

    def _take(self, limit: int) -> list[Entry]:
        entries: list[Entry] = []
        for _ in range(min(limit, len(self._queue))):
            item = self._queue.popleft()
            if isinstance(item, tuple):
                body = _json(item[1])
                if body is not None:
                    entries.append(Entry(item[0], body))
            elif item.until_taken:
                item.reached(is_acknowledged=True)
            else:
                self._waiting.append(item)
                self._backlog.retry_now()
        return entries

    def _deliver(self, entries: list[Entry]) -> None:
        is_hopeless = False
        try:
            self._backlog.deliver(entries)
        except Undelivered as undelivered:
            is_hopeless = undelivered.needs_person
            until = "this is put right" if undelivered.needs_person else "the API is back"
            self._warn(until, f"records are kept on disk until {until}: {undelivered}")
        is_acknowledged = self._backlog.is_empty
        waiting, self._waiting = self._waiting, []
        for marker in waiting:
            if is_acknowledged or marker.until_tried or is_hopeless:
                marker.reached(is_acknowledged=is_acknowledged)
            else:
                self._waiting.append(marker)

    def _warn(self, kind: str, text: str) -> None:
        now = monotonic()
        if now - self._warned.get(kind, -WARN_EVERY) >= WARN_EVERY:
            self._warned[kind] = now
            _logger.warning(text)


def _guarded(step: Callable[[], None]) -> None:
    """Take one step; whatever it fails of is told, and the thread goes on."""
    try:
        step()
    except Exception:
        _logger.exception("the recorder failed at a step and goes on")


def _json(record: object) -> bytes | None:
    """A record as JSON; None where it cannot be written as that, which is told."""
    try:
        own: Callable[[], bytes] | None = getattr(record, "encode", None)
        return own() if own is not None else encode(record)
    except Exception:
        _logger.exception("a record cannot be written as JSON and is not reported: %r", record)
        return None


def _tell_refused(entry: Entry, error: HeadraceError) -> None:
    shown = entry.body[:SHOWN].decode("utf-8", "replace")
    _logger.error("the API refuses a record, which is dropped: %s; it begins %s", error, shown)


# One recorder per API and process, and how they end


class _Recorders:
    by_client: dict[Client, Recorder] = {}  # noqa: RUF012  # of the process, not of an instance
    is_registered = False
    is_held_back = False  # no threads yet: the process may be over before they were of use


def recorder(client: Client | None = None) -> Recorder:
    """The recorder of this process for an API, by default for the one of the settings."""
    if client is None:
        client = default_client()
    found = _Recorders.by_client.get(client)
    return found or _Recorders.by_client.setdefault(client, Recorder(client))


def hold_back() -> None:
    """Start no thread before `let_go`: a short run is over before it is of use, and costs more.

    A flush delivers in the thread that asks for it; too many records start the thread all the same.
    """
    _Recorders.is_held_back = True


def let_go() -> None:
    """Start the threads that were held back: the run takes long, and its reports shall be seen."""
    _Recorders.is_held_back = False
    for found in list(_Recorders.by_client.values()):
        found.flush(0)


def dismiss(client: Client) -> None:
    """Have no recorder for an API any more, nor what sees to one as this process ends."""
    found = _Recorders.by_client.pop(client, None)
    if found is not None:
        found.close(0)
    if not _Recorders.by_client:
        _Recorders.is_registered = _Recorders.is_held_back = False
        atexit.unregister(close_recorders)


def close_recorders(timeout: float | None = None) -> bool:
    """Flush and stop every recorder of this process: what its end does.

    Args:
        timeout: Seconds for each, instead of the setting `recorder_exit_timeout_seconds`.

    Returns:
        True when all was acknowledged.
    """
    seconds = settings().recorder_exit_timeout_seconds if timeout is None else timeout
    results = [found.close(seconds) for found in list(_Recorders.by_client.values())]
    return all(results)


def _register(found: Recorder) -> None:
    """See to it that the records are flushed however this process ends, short of a SIGKILL."""
    _Recorders.by_client.setdefault(found.client, found)
    if _Recorders.is_registered:
        return
    _Recorders.is_registered = True
    atexit.register(close_recorders)
    processes = sys.modules.get("multiprocessing.process")
    if processes is not None and processes.parent_process() is not None:
        # such a child ends without the functions of atexit
        load("multiprocessing.util:Finalize")(None, close_recorders, exitpriority=0)
    is_main = threading.current_thread() is threading.main_thread()
    if is_main and signal.getsignal(signal.SIGTERM) is signal.SIG_DFL:
        signal.signal(signal.SIGTERM, _on_terminate)


def _on_terminate(signum: int, _frame: FrameType | None) -> None:
    """Flush, then die of the signal as if it had not been caught."""
    close_recorders()
    signal.signal(signum, signal.SIG_DFL)
    os.kill(os.getpid(), signum)


def _after_fork() -> None:
    _Recorders.is_registered = _Recorders.is_held_back = False
    for found in _Recorders.by_client.values():
        found.forsake()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
