"""The open connections of one client, each lent to one request at a time."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from headrace.client.connection import Answer, Connection, ConnectionFailed

if TYPE_CHECKING:
    from collections.abc import Mapping

    from headrace.client.routes import Route

IDLE_CONNECTIONS = 16  # kept for the next request; more threads than that open and close theirs


class Request:
    """A request to be sent, and what may be done with it."""

    __slots__ = ("body", "headers", "is_idempotent", "method", "path", "timeout")

    def __init__(
        self,
        method: str,
        path: str,
        body: bytes,
        headers: Mapping[str, str],
        *,
        timeout: float,
        is_idempotent: bool,
    ) -> None:
        self.method = method
        self.path = path
        self.body = body
        self.headers = headers
        self.timeout = timeout
        self.is_idempotent = is_idempotent


class Pool:
    """Connections to one route. Any thread may use it."""

    def __init__(self, route: Route, connect_timeout: float, headers: Mapping[str, str]) -> None:
        """Describe the connections; none is made yet.

        Args:
            route: Where to.
            connect_timeout: Seconds for making one.
            headers: Sent with every request.
        """
        self._route = route
        fixed = {"host": route.host_header, **headers}
        is_plain_proxy = route.proxy is not None and not route.is_tls
        if is_plain_proxy and route.proxy_authorization:
            fixed["proxy-authorization"] = route.proxy_authorization
        self._fixed_lines = header_lines(fixed)
        self._target = (route.origin if is_plain_proxy else "") + route.path
        self._connect_timeout = connect_timeout
        self._idle: deque[Connection] = deque()
        self._open: set[Connection] = set()

    def exchange(self, request: Request) -> Answer:
        """Send a request over an idle connection or a new one, and read its answer.

        Raises:
            ConnectionFailed: No complete answer came.
        """
        head = self._head(request)
        while True:
            connection = self._take()
            try:
                answer = connection.exchange(head, request.body, request.timeout)
            except ConnectionFailed as failed:
                self._drop(connection)
                if failed.was_reused and request.is_idempotent and not failed.timed_out:
                    continue  # closed for being idle: that is no failure of the server's
                raise
            except BaseException:  # an interrupt amid an answer leaves the rest of it unread
                self._drop(connection)
                raise
            self._put_back(connection)
            return answer

    def interrupt(self) -> None:
        """Have every request that waits for its answer fail now, whichever thread waits."""
        for connection in list(self._open):
            connection.interrupt()

    def close(self) -> None:
        """Close every connection, also those lent out.

        Nothing is said to the server but that, so a forked child may close its copies while its
        parent goes on with its own.
        """
        self._idle = deque()
        opened, self._open = self._open, set()
        for connection in opened:
            connection.close()

    def _head(self, request: Request) -> bytes:
        lines = f"{request.method} {self._target}{request.path} HTTP/1.1\r\n{self._fixed_lines}"
        if request.headers:
            lines += header_lines(request.headers)
        if request.body:
            lines += f"content-type: application/json\r\ncontent-length: {len(request.body)}\r\n"
        elif request.method != "GET":
            lines += "content-length: 0\r\n"
        return f"{lines}\r\n".encode("latin-1")

    def _take(self) -> Connection:
        while True:
            try:
                connection = self._idle.pop()  # the one used last: the least likely to be closed
            except IndexError:
                break
            if connection.is_open and not connection.is_stale():
                return connection
            self._drop(connection)
        connection = Connection(self._route, self._connect_timeout)
        self._open.add(connection)
        return connection

    def _put_back(self, connection: Connection) -> None:
        if connection.is_open and len(self._idle) < IDLE_CONNECTIONS:
            self._idle.append(connection)
        else:
            self._drop(connection)

    def _drop(self, connection: Connection) -> None:
        connection.close()
        self._open.discard(connection)


def header_lines(headers: Mapping[str, str]) -> str:
    """Headers as they stand in a request.

    Raises:
        ValueError: One has a line break, which would make another header of its rest.
    """
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    if lines.count("\n") != len(headers) or lines.count("\r") != len(headers):
        raise ValueError("a header's name or value has a line break")
    return lines
