"""Plain requests on one connection, and answers as they come."""

import http.client
import json
import time
from dataclasses import dataclass
from typing import Any

CALL_SECONDS = 60
IDLE_SECONDS = 2.0  # a server closes connections that idle: some after five seconds


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer, read whole."""

    status: int
    media_type: str
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class Caller:
    """One kept connection to a server. A server that drops it gave no answer: that raises."""

    def __init__(self, port: int) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=CALL_SECONDS)
        self._used = time.monotonic()

    def call(self, method: str, path: str, body: object = None, **headers: str) -> Reply:
        """Send a request; `path` begins after `/api`, bytes are sent as they are."""
        data = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
        if time.monotonic() - self._used > IDLE_SECONDS:
            self._connection.close()
        given = {"content-type": "application/json"} | headers
        self._connection.request(method, f"/api{path}", data, given)
        answer = self._connection.getresponse()
        reply = Reply(answer.status, answer.getheader("content-type", ""), answer.read())
        self._used = time.monotonic()
        return reply

    def close(self) -> None:
        self._connection.close()
