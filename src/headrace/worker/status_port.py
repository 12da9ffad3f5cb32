"""A port that answers one question: how the program behind it is doing."""

import json
import threading
from collections.abc import Callable, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

Look = Callable[[], tuple[int, Mapping[str, object]]]
"""The HTTP status and the JSON object to answer with."""


def open_status_port(host: str, port: int, path: str, look: Look) -> Callable[[], None]:
    """Answer `GET path` on a port until the returned function is called.

    Args:
        host: The address to bind.
        port: The port to bind.
        path: As `/health`.
        look: Asked for each answer.

    Raises:
        OSError: The port cannot be had.
    """
    server = ThreadingHTTPServer((host, port), _handler(path, look))
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, name="status", daemon=True)
    thread.start()

    def close() -> None:
        server.shutdown()
        server.server_close()
        thread.join()

    return close


def _handler(path: str, look: Look) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        timeout = 5.0  # seconds for a client that says nothing

        def do_GET(self) -> None:  # the name that http.server calls
            if self.path.rstrip("/") != path:
                self.send_error(404)
                return
            code, status = look()
            body = json.dumps(status).encode()
            self.send_response(code)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # the inherited name
            """Say nothing: a probe every few seconds is no news."""

    return Handler
