"""A port that says whether the worker still takes work, for whoever restarts it if not."""

import json
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from headrace.worker.service import LONG_POLL, Worker

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
    server = ThreadingHTTPServer((host, port), _handler_for(worker))
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, name="health", daemon=True)
    thread.start()

    def close() -> None:
        server.shutdown()
        server.server_close()
        thread.join()

    return close


def _handler_for(worker: Worker) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        timeout = 5.0  # seconds for a client that says nothing

        def do_GET(self) -> None:  # the name that http.server calls
            if self.path.rstrip("/") != "/health":
                self.send_error(404)
                return
            healthy = is_healthy(worker, time.monotonic())
            body = json.dumps({"healthy": healthy, "runs": len(worker.holdings)}).encode()
            self.send_response(200 if healthy else 503)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # the inherited name
            """Say nothing: a probe every few seconds is no news."""

    return Handler
