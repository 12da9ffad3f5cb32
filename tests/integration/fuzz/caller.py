"""Plain requests on one connection, and answers as they come."""

import http.client
import json
from dataclasses import dataclass
from typing import Any

CALL_SECONDS = 60


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
    """One kept connection to a server; it is opened anew when the server closes it."""

    def __init__(self, port: int) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=CALL_SECONDS)

    def call(self, method: str, path: str, body: object = None, **headers: str) -> Reply:
        """Send a request; `path` begins after `/api`, bytes are sent as they are."""
        data = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
        try:
            return self._exchange(method, path, data, headers)
        except (http.client.RemoteDisconnected, BrokenPipeError, ConnectionResetError):
            self._connection.close()
            return self._exchange(method, path, data, headers)

    def _exchange(
        self, method: str, path: str, data: bytes | None, headers: dict[str, str]
    ) -> Reply:
        given = {"content-type": "application/json"} | headers
        self._connection.request(method, f"/api{path}", data, given)
        answer = self._connection.getresponse()
        return Reply(answer.status, answer.getheader("content-type", ""), answer.read())

    def close(self) -> None:
        self._connection.close()
