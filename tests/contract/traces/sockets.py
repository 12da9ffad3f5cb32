"""The WebSockets of a recording, opened again: what the client sent is sent, what came is compared."""

import contextlib
import json
import time
from collections import deque
from collections.abc import Callable, Iterator
from typing import Any

from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect
from websockets.typing import Subprotocol

WAIT_SECONDS = 60.0  # at most, for what must come; a loaded machine may take its time
QUIET_SECONDS = 0.3  # in which nothing more comes
SHAKEN = ("auth_success", "worker.ready.v1")


class Sockets(contextlib.ExitStack):
    """Those of one trace. A socket's records are played in their order.

    What the server sends may have been recorded before the request that made it send it: such a
    record waits, and all that comes after it on its socket, until the frame is there.

    Args:
        port: Of the server.
        ours: What to send for what was recorded.
    """

    def __init__(self, port: int, ours: Callable[[Any], Any]) -> None:
        super().__init__()
        self._url = f"ws://127.0.0.1:{port}"
        self._ours = ours
        self._open: dict[str, list[_Socket]] = {}
        self.received: list[tuple[int, Any, Any]] = []
        """The recording's line, the frame that came, and the recorded one."""

    def play(self, number: int, record: dict[str, Any]) -> None:
        """Take up one record."""
        path = record["ws"]
        if "open" in record:
            url = self._url + self._ours(path)
            opened = self.enter_context(connect(url, subprotocols=[Subprotocol("prefect")]))
            self._open.setdefault(path, []).append(_Socket(opened))
            return
        # One socket of a path at a time shakes hands; what comes later may be any of them's.
        socket = self._open[path][-1]
        socket.records.append((number, record["from"], record["frame"]))
        self.go_on()

    def go_on(self, *, last: bool = False) -> None:
        """Play what can be played; all of it, if this is the last time."""
        for socket in (one for every in self._open.values() for one in every):
            while socket.records and self._step(socket, last=last):
                pass

    def _step(self, socket: "_Socket", *, last: bool) -> bool:
        number, sender, recorded = socket.records[0]
        if sender == "client":
            socket.send(self._ours(recorded))
        elif recorded.get("type") == "event":
            socket.expected.append((number, recorded))
        else:
            due = last or recorded.get("type") in SHAKEN
            frame = socket.receive(WAIT_SECONDS if due else 0.0)
            if frame is None and not last:
                return False
            self.received.append((number, frame, recorded))
        socket.records.popleft()
        return True

    def answers(self) -> Iterator[tuple[int, Any, Any]]:
        """What came on the sockets, with what was recorded; events, wherever they came, by their id."""
        self.go_on(last=True)
        for every in self._open.values():
            yield from self._events(every)
        yield from self.received

    def _events(self, sockets: "list[_Socket]") -> Iterator[tuple[int, Any, Any]]:
        """Events of one path: the recording does not tell which of its sockets got them."""
        expected = {
            self._ours(frame["event"]["id"]): (number, frame)
            for socket in sockets
            for number, frame in socket.expected
        }
        deadline = time.monotonic() + WAIT_SECONDS
        while expected and time.monotonic() < deadline:
            for socket in sockets:
                frame = socket.receive(0.02)
                if frame is not None:
                    known = expected.pop(frame.get("event", {}).get("id"), (0, None))
                    yield known[0], frame, known[1]
        yield from ((number, None, frame) for number, frame in expected.values())
        for socket in sockets:
            frame = socket.receive(QUIET_SECONDS)
            if frame is not None:
                yield 0, frame, None


class _Socket:
    """One connection."""

    def __init__(self, connection: ClientConnection) -> None:
        self._connection = connection
        self.records: deque[tuple[int, str, Any]] = deque()
        self.expected: list[tuple[int, Any]] = []

    def send(self, frame: Any) -> None:
        self._connection.send(json.dumps(frame))

    def receive(self, seconds: float) -> Any:
        with contextlib.suppress(TimeoutError, ConnectionClosed):
            return json.loads(self._connection.recv(seconds))
        return None
