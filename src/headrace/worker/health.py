"""A port that says whether the worker still takes work, for whoever restarts it if not."""

import time
from collections.abc import Callable

from headrace.worker.service import LONG_POLL, Worker
from headrace.worker.status_port import open_status_port

# A worker whose last answered claim is older than this many seconds is stuck or cut off: four
# patient claims in a row went wrong.
_LONGEST_SILENCE = 4 * LONG_POLL


def is_healthy(worker: Worker, now: float) -> bool:
    """Whether the worker draws work, is full, or is on its way out."""
    if worker.is_draining or worker.holdings.free == 0:
        return True
    return now - worker.last_claim < _LONGEST_SILENCE


def open_health_port(worker: Worker, host: str, port: int) -> Callable[[], None]:
    """Answer `GET /health` on a port until the returned function is called.

    Raises:
        OSError: The port cannot be had.
    """

    def look() -> tuple[int, dict[str, object]]:
        healthy = is_healthy(worker, time.monotonic())
        return 200 if healthy else 503, {"healthy": healthy, "runs": len(worker.holdings)}

    return open_status_port(host, port, "/health", look)
