"""A port that says whether the worker still takes work, and how it does."""

import time
from collections.abc import Callable
from http import HTTPStatus

from headrace.core.exposition import MEDIA_TYPE
from headrace.worker.metrics import write_metrics
from headrace.worker.service import LONG_POLL, Worker
from headrace.worker.status_port import Page, json_page, open_status_port

# A worker whose last answered claim is older than this many seconds is stuck or cut off: four
# patient claims in a row went wrong.
_LONGEST_SILENCE = 4 * LONG_POLL


def is_healthy(worker: Worker, now: float) -> bool:
    """Whether the worker draws work, is full, or is on its way out."""
    if worker.is_draining or worker.holdings.free == 0:
        return True
    return now - worker.last_claim < _LONGEST_SILENCE


def open_health_port(worker: Worker, host: str, port: int) -> Callable[[], None]:
    """Answer `GET /health` and `GET /metrics` on a port until the returned function is called.

    Raises:
        OSError: The port cannot be had.
    """

    def tell_health() -> Page:
        healthy = is_healthy(worker, time.monotonic())
        status = HTTPStatus.OK if healthy else HTTPStatus.SERVICE_UNAVAILABLE
        return json_page({"healthy": healthy, "runs": len(worker.holdings)}, status)

    def tell_metrics() -> Page:
        lines = write_metrics(worker.metrics, worker.holdings, time.monotonic())
        return Page("\n".join(lines) + "\n", MEDIA_TYPE)

    return open_status_port(host, port, {"/health": tell_health, "/metrics": tell_metrics})
