"""A real HTTP server that misbehaves on request: what a client must live with."""

import json
import socket
import ssl
import threading
from collections import deque
from collections.abc import Callable, Mapping
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple

Behaviour = Callable[["Handler"], None]


class Received(NamedTuple):
    """A request as it came."""

    path: str
    headers: Mapping[str, str]
    body: bytes


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: "StandIn"

    def handle_one_request(self) -> None:
        try:
            super().handle_one_request()
        except (ConnectionError, ssl.SSLError):
            self.close_connection = True

    def answer_any(self) -> None:
        length = int(self.headers.get("content-length") or 0)
        received = Received(self.path, self.headers, self.rfile.read(length))
        with self.server.lock:
            self.server.requests.append(received)
            behaviour = self.server.plan.popleft() if self.server.plan else self.server.usual
        behaviour(self)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = answer_any  # noqa: N815

    def answer(self, status: int, body: Any = None, **headers: str) -> None:
        payload = b"" if body is None else json.dumps(body).encode()
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("content-length", str(len(payload)))
        self.end_headers()
        self.wfile.write(payload)

    def do_CONNECT(self) -> None:
        """Be a proxy: pass bytes both ways."""
        with self.server.lock:
            self.server.requests.append(Received(self.path, self.headers, b""))
        host, _, port = self.path.partition(":")
        target = self.server.tunnels.get(host, (host, int(port)))
        with socket.create_connection(target, timeout=60) as upstream:
            self.send_response(200)
            self.end_headers()
            back = threading.Thread(target=_pump, args=(upstream, self.connection), daemon=True)
            back.start()
            _pump(self.connection, upstream)
            back.join(60)
        self.close_connection = True

    def log_message(self, *_: Any) -> None:
        pass


def _pump(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(65536):
            target.sendall(data)
        target.shutdown(socket.SHUT_WR)


class StandIn(ThreadingHTTPServer):
    """Answers 200 with null until told otherwise: `plan` holds what happens to the next requests."""

    daemon_threads = True

    def __init__(self, address: tuple[str, int] = ("127.0.0.1", 0)) -> None:
        super().__init__(address, Handler)
        self.lock = threading.Lock()
        self.plan: deque[Behaviour] = deque()
        self.requests: list[Received] = []
        self.tunnels: dict[str, tuple[str, int]] = {}
        self.connections: list[socket.socket] = []
        self.usual: Behaviour = lambda handler: handler.answer(200)

    @property
    def port(self) -> int:
        return self.server_address[1]

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/api"

    def process_request(self, request: Any, client_address: Any) -> None:
        self.connections.append(request)
        super().process_request(request, client_address)

    def drop_connections(self) -> None:
        """Close every connection, as a server does that restarts or finds them idle."""
        for connection in self.connections:
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
            connection.close()
        self.connections.clear()

    def handle_error(self, *_: Any) -> None:
        pass


@contextmanager
def running(server: StandIn):
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.drop_connections()
        server.server_close()
        thread.join(60)


def says(status: int, body: Any = None, **headers: str) -> Behaviour:
    return lambda handler: handler.answer(status, body, **headers)


def hangs_up(handler: Handler) -> None:
    """Close the connection without an answer, after the request was read."""
    handler.close_connection = True
    handler.connection.shutdown(socket.SHUT_RDWR)


def waits(event: threading.Event) -> Behaviour:
    """Answer only once the event is set."""

    def behave(handler: Handler) -> None:
        event.wait(60)
        handler.answer(200)

    return behave
