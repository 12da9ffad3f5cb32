"""A plain HTTP client on one connection: what the drivers speak, alike to both sides."""

import http.client
import json
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

POLL_SECONDS = 0.002
TIMEOUT_SECONDS = 120
BUSY = (
    503  # the peer gives it under load; set-up goes on, the loads themselves count it as an error
)
BUSY_SECONDS = 90
TERMINAL = {"COMPLETED", "FAILED", "CRASHED", "CANCELLED"}


class Rest:
    """JSON in, JSON out; an answer outside 2xx is an error."""

    def __init__(
        self, url: str, on_busy: Callable[[], None] | None = None, key: str | None = None
    ) -> None:
        """`on_busy` is called whenever the server did not answer and the call is about to be repeated."""
        self._on_busy = on_busy
        self._headers = {"content-type": "application/json"}
        if key:
            self._headers["authorization"] = f"Bearer {key}"
        parts = urlsplit(url)
        self._prefix = parts.path
        assert parts.hostname
        self._connection = http.client.HTTPConnection(
            parts.hostname, parts.port, timeout=TIMEOUT_SECONDS
        )

    def call(self, method: str, path: str, body: Any = None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        deadline = time.monotonic() + BUSY_SECONDS
        while True:
            status, raw = self._exchange(method, path, data)
            if status != BUSY or time.monotonic() > deadline:
                break
            if self._on_busy is not None:
                self._on_busy()
            time.sleep(0.1)
        if status >= 300:
            message = f"{method} {path} answered {status}: {raw[:500]!r}"
            raise RuntimeError(message)
        return json.loads(raw) if raw else None

    def _exchange(self, method: str, path: str, data: bytes | None) -> tuple[int, bytes]:
        try:
            self._connection.request(method, self._prefix + path, data, self._headers)
            answer = self._connection.getresponse()
            return answer.status, answer.read()
        except ConnectionError as error:  # closed under it while busy; the next request reconnects
            self._connection.close()
            return BUSY, str(error).encode()

    def close(self) -> None:
        """Close the connection; the next call opens another."""
        self._connection.close()

    def get(self, path: str) -> Any:
        return self.call("GET", path)

    def post(self, path: str, body: Any) -> Any:
        return self.call("POST", path, body)

    def wait_deployment(self, name: str, seconds: float = 60) -> str:
        """The id of a deployment that a program is about to register."""
        deadline = time.monotonic() + seconds
        while True:
            try:
                return self.get(f"/deployments/name/{name}")["id"]
            except RuntimeError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.1)

    def trigger(self, deployment_id: str) -> str:
        body = {"state": {"type": "SCHEDULED"}, "parameters": {}}
        return self.post(f"/deployments/{deployment_id}/create_flow_run", body)["id"]

    def wait_terminal(self, run_id: str, seconds: float = 120) -> str:
        """Poll one run every 2 ms; its terminal state's type."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            state = self.get(f"/flow_runs/{run_id}")["state_type"]
            if state in TERMINAL:
                return state
            time.sleep(POLL_SECONDS)
        message = f"run {run_id} was not terminal after {seconds} s"
        raise RuntimeError(message)
