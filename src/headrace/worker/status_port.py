"""A port that answers a question or two: how the program behind it is doing."""

import json
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass(frozen=True, slots=True)
class Page:
    """What is answered.

    Args:
        body: The text.
        media_type: What it is.
        status: The HTTP status.
    """

    body: str
    media_type: str
    status: int = HTTPStatus.OK


def json_page(content: Mapping[str, object], status: int = HTTPStatus.OK) -> Page:
    """An object as JSON."""
    return Page(json.dumps(content), "application/json", status)


def open_status_port(
    host: str, port: int, pages: Mapping[str, Callable[[], Page]]
) -> Callable[[], None]:
    """Answer `GET` of some paths on a port until the returned function is called.

    Args:
        host: The address to bind.
        port: The port to bind.
        pages: By path, as `/health`, what is asked for each answer.

    Raises:
        OSError: The port cannot be had.
    """
    server = ThreadingHTTPServer((host, port), _handler(pages))
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, name="status", daemon=True)
    thread.start()

    def close() -> None:
        server.shutdown()
        server.server_close()
        thread.join()

    return close


def _handler(pages: Mapping[str, Callable[[], Page]]) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        timeout = 5.0  # seconds for a client that says nothing

        def do_GET(self) -> None:  # the name that http.server calls
            look = pages.get(self.path.rstrip("/"))
            if look is None:
                self.send_error(HTTPStatus.NOT_FOUND)
                return
            page = look()
            body = page.body.encode()
            self.send_response(page.status)
            self.send_header("content-type", page.media_type)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # the inherited name
            """Say nothing: a probe every few seconds is no news."""

    return Handler
