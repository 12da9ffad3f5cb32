"""One keep-alive HTTP/1.1 connection: plain or TLS, direct or through a proxy.

Bytes in, bytes out. Parsing is httptools' (the parser of the server, too); what is ours is the
socket, its time-outs, and telling apart how far a failed request came.
"""

from __future__ import annotations

import contextlib
import select
import socket
from time import monotonic
from typing import TYPE_CHECKING

from httptools import HttpParserError, HttpResponseParser

from headrace._bindings import load

if TYPE_CHECKING:
    import ssl

    from headrace.client.routes import Route

READ_SIZE = 65_536  # bytes a read; larger ones gain nothing on loopback
MAX_ANSWER = 256_000_000  # bytes; a larger answer is not one of this API


class Answer:
    """A response as it came: status, headers (lower-case names), body."""

    __slots__ = ("body", "headers", "status")

    def __init__(self, status: int, headers: dict[str, str], body: bytes) -> None:
        self.status = status
        self.headers = headers
        self.body = body


class ConnectionFailed(Exception):
    """A request that got no answer.

    Args:
        was_sent: Some of it may have reached the server, which may have acted on it.
        was_reused: The connection had carried a request before: the server may simply have closed
            it for being idle.
        timed_out: The time ran out, rather than the connection breaking.
    """

    def __init__(
        self,
        reason: str,
        *,
        was_sent: bool = False,
        was_reused: bool = False,
        timed_out: bool = False,
    ) -> None:
        self.was_sent = was_sent
        self.was_reused = was_reused
        self.timed_out = timed_out
        super().__init__(reason)


class _Collector:
    """What the parser calls while it reads one response."""

    __slots__ = ("chunks", "complete", "headers", "size")

    def __init__(self) -> None:
        self.headers: dict[str, str] = {}
        self.chunks: list[bytes] = []
        self.size = 0
        self.complete = False

    def on_header(self, name: bytes, value: bytes) -> None:
        self.headers[name.decode("latin-1").lower()] = value.decode("latin-1")

    def on_body(self, body: bytes) -> None:
        self.size += len(body)
        self.chunks.append(body)

    def on_message_complete(self) -> None:
        self.complete = True


class Connection:
    """A connection to one route. Used by one thread at a time."""

    __slots__ = ("_socket", "is_reused")

    def __init__(self, route: Route, timeout: float) -> None:
        """Connect within `timeout` seconds.

        Raises:
            ConnectionFailed: Nothing listens there, or TLS or the proxy refused.
        """
        self._socket = _open(route, timeout)
        self.is_reused = False

    def close(self) -> None:
        """Close it without a goodbye: also right in a forked child, whose parent goes on with it."""
        self._socket.close()

    def interrupt(self) -> None:
        """Wake the thread that waits for an answer; its request fails."""
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)

    def __del__(self) -> None:
        if hasattr(self, "_socket"):  # idle when its client was forgotten: nothing to warn of
            self._socket.close()

    def is_stale(self) -> bool:
        """The server closed it, or sent something unasked, since the last answer."""
        if not hasattr(select, "poll"):  # Windows, where select takes any number of descriptor
            return bool(select.select([self._socket], [], [], 0)[0])
        poll = select.poll()
        poll.register(self._socket, select.POLLIN)
        return bool(poll.poll(0))

    def exchange(self, request: bytes, body: bytes, timeout: float) -> Answer:
        """Send a request and read its whole answer within `timeout` seconds.

        Raises:
            ConnectionFailed: No complete answer came. The connection must be closed.
        """
        deadline = monotonic() + timeout
        was_reused, self.is_reused = self.is_reused, True
        try:
            self._socket.settimeout(timeout)
            if len(body) < READ_SIZE:
                self._socket.sendall(request + body)
            else:
                self._socket.sendall(request)
                self._socket.sendall(body)
            return self._read(deadline)
        except TimeoutError:
            reason = f"no answer within {timeout:g} s"
            raise ConnectionFailed(
                reason, was_sent=True, was_reused=was_reused, timed_out=True
            ) from None
        except (OSError, HttpParserError) as error:
            reason = str(error) or type(error).__name__
            raise ConnectionFailed(reason, was_sent=True, was_reused=was_reused) from error

    def _read(self, deadline: float) -> Answer:
        collector = _Collector()
        parser = HttpResponseParser(collector)
        while not collector.complete:
            data = self._socket.recv(READ_SIZE)
            if not data:
                return _ended(parser, collector)
            parser.feed_data(data)
            if collector.size > MAX_ANSWER:
                message = f"the answer is larger than {MAX_ANSWER} bytes"
                raise OSError(message)
            if collector.complete:
                break
            remaining = deadline - monotonic()
            if remaining <= 0:
                raise TimeoutError
            self._socket.settimeout(remaining)
        is_last = collector.headers.get("connection", "").lower() == "close"
        if is_last or parser.get_http_version() != "1.1":
            self.close()
        return Answer(parser.get_status_code(), collector.headers, b"".join(collector.chunks))

    @property
    def is_open(self) -> bool:
        """False once it was closed from this side."""
        return self._socket.fileno() >= 0


def _ended(parser: HttpResponseParser, collector: _Collector) -> Answer:
    """The answer of a server that marks its end by closing, which only HTTP/1.0 servers do."""
    status = parser.get_status_code()
    if not status or "content-length" in collector.headers or not collector.headers:
        raise ConnectionResetError("the server closed the connection before it answered")
    if collector.headers.get("transfer-encoding"):
        raise ConnectionResetError("the server closed the connection amid its answer")
    return Answer(status, collector.headers, b"".join(collector.chunks))


def _open(route: Route, timeout: float) -> socket.socket:
    host, port = route.proxy or (route.host, route.port)
    try:
        opened = socket.create_connection((host, port), timeout)
    except (OSError, UnicodeError) as error:
        via = " (a proxy, from the environment)" if route.proxy else ""
        reason = f"{host}:{port}{via}: {error}"
        timed_out = isinstance(error, TimeoutError)
        raise ConnectionFailed(reason, timed_out=timed_out) from error
    try:
        opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if route.proxy and route.is_tls:
            _tunnel(opened, route)
        return _secured(opened, route) if route.is_tls else opened
    except OSError as error:
        opened.close()
        reason = f"{route.host}:{route.port}: {error}"
        raise ConnectionFailed(reason) from error


def _tunnel(opened: socket.socket, route: Route) -> None:
    lines = [f"CONNECT {route.host}:{route.port} HTTP/1.1", f"host: {route.host}:{route.port}"]
    if route.proxy_authorization:
        lines.append(f"proxy-authorization: {route.proxy_authorization}")
    opened.sendall("\r\n".join([*lines, "", ""]).encode("latin-1"))
    answer = b""
    while b"\r\n\r\n" not in answer:
        data = opened.recv(READ_SIZE)
        if not data or len(answer) > READ_SIZE:
            raise ConnectionResetError("the proxy closed the connection")
        answer += data
    status = answer.split(b" ", 2)[1:2]
    if status != [b"200"]:
        first = answer.split(b"\r\n", 1)[0].decode("latin-1")
        message = f"the proxy refused: {first}"
        raise ConnectionRefusedError(message)


def _secured(opened: socket.socket, route: Route) -> ssl.SSLSocket:
    context: ssl.SSLContext = load("headrace.client.tls:context")(
        route.certificates, is_unverified=route.is_unverified
    )
    return context.wrap_socket(opened, server_hostname=route.host)
