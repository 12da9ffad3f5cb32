"""What pods print, while they print it: one stream each, up to a bound."""

import contextlib
import threading
import time
from collections import deque
from typing import Final

from headrace.errors import HeadraceError
from headrace.infrastructure.contract import Write
from headrace.infrastructure.kubernetes.cluster import Cluster

TAIL_LINES: Final = 20  # what a person reads to see why something ended
STREAMS: Final = 64  # at one time: each holds a thread and a connection
_WAITING_BYTES: Final = 4 * 2**20  # of output that nobody has shown yet; what comes then waits
_SILENCE: Final = 60.0  # seconds without a line, then the stream is asked for anew
_PAUSE: Final = 2.0  # seconds until a broken stream is asked for anew
_OVERLAP: Final = 5  # seconds of output asked for twice, so that none is missed between two streams
_STAMP: Final = len("2006-01-02T15:04:05.000000000Z")  # before each line, always that long


class Follower:
    """Reads one pod's log in a thread of its own.

    Args:
        cluster: The cluster.
        namespace: The pod's namespace.
        pod: Its name.
        container: Its container.
    """

    def __init__(self, cluster: Cluster, namespace: str, pod: str, container: str) -> None:
        self._cluster = cluster
        self._place = (pod, namespace)
        self._container = container
        self._lines: deque[bytes] = deque()
        self._bytes = 0
        self._changed = threading.Condition()
        self._last = b""  # the newest line's time, as it came
        self._heard = 0.0  # when it came, monotonic seconds
        self._ending = threading.Event()  # the container has ended: what is there is all
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"log-{pod}", daemon=True)
        self.tail: deque[str] = deque(maxlen=TAIL_LINES)

    def start(self) -> None:
        """Begin to read."""
        self._thread.start()

    def show(self, write: Write) -> None:
        """Write what has come since; whole lines.

        Raises:
            OSError: `write` did.
        """
        with self._changed:
            raw = b"".join(self._lines)
            self._lines.clear()
            self._bytes = 0
            self._changed.notify_all()
        if raw:
            write(raw)

    def finish(self, timeout: float) -> None:
        """The container has ended: read the rest, for at most `timeout` seconds."""
        self._ending.set()
        self._thread.join(timeout)

    def close(self) -> None:
        """Read no more."""
        self._closed.set()
        with self._changed:
            self._changed.notify_all()

    @property
    def is_over(self) -> bool:
        """Whether nothing more will come."""
        return self._thread.ident is not None and not self._thread.is_alive()

    def _run(self) -> None:
        while not self._closed.is_set():
            is_last = self._ending.is_set()
            with contextlib.suppress(HeadraceError):  # the pod is gone, or the API is away for now
                self._read()
            if is_last:
                return
            self._ending.wait(_PAUSE)

    def _read(self) -> None:
        options: dict[str, object] = {}
        before = self._last
        if before:
            options["since_seconds"] = int(time.monotonic() - self._heard) + _OVERLAP
        with self._cluster.stream(
            "read_namespaced_pod_log",
            *self._place,
            container=self._container,
            follow=True,
            timestamps=True,
            read_seconds=_SILENCE,
            **options,
        ) as lines:
            for line in lines:
                if self._closed.is_set():
                    return
                if line[:_STAMP] > before:  # else it came before the stream broke
                    self._take(line)

    def _take(self, line: bytes) -> None:
        self._last, text = line[:_STAMP], line[_STAMP + 1 :]
        self._heard = time.monotonic()
        self.tail.append(text.decode("utf-8", "replace").rstrip("\n"))
        with self._changed:
            self._changed.wait_for(lambda: self._bytes < _WAITING_BYTES or self._closed.is_set())
            self._lines.append(text)
            self._bytes += len(text)
