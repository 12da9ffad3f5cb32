"""Garbage over the five WebSockets: what is sent, in which order, and how it is left."""

import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress

from websockets.exceptions import ConnectionClosed, InvalidHandshake
from websockets.sync.client import ClientConnection, connect

from tests.integration.fuzz.world import World

SECONDS = 20
PING_SECONDS = 0.5  # a server that reads no further does not answer, and need not
MANY = 200

AUTH = '{"type":"auth","token":null}'
FIRST = {
    "/events/in": '{"event":"x","id":"00000000-0000-0000-0000-000000000001",'
    '"occurred":"2026-01-01T00:00:00Z","resource":{"prefect.resource.id":"a"}}',
    "/events/out": '{"type":"filter","filter":{}}',
    "/logs/out": '{"type":"filter","filter":{}}',
    "/task_runs/subscriptions/scheduled": '{"type":"subscribe","keys":["k"],"client_id":"c"}',
    "/work_pools/{pool}/workers/connect": '{"type":"worker.hello.v1","payload":{"consumer_id":'
    '"00000000-0000-0000-0000-000000000001","worker_name":"w","worker_type":"process",'
    '"supported_channel_versions":["work_pool_worker_channel.v1"]}}',
}
"""The right first frame of each path, after the token."""

BAD_FRAMES: list[str | bytes] = [
    "",
    "null",
    "[]",
    "{}",
    "nonsense",
    '{"type":"filter","filter":7}',
    '{"type":"filter","filter":{"resource":{"labels":{"a":"' + "!" * 5000 + '*"}}}}',
    '{"type":"filter","filter":{"flow_run_id":{"any_":["x"]}}}',
    '{"type":"subscribe","keys":["\\u0000","\\ud800"],"client_id":"\\u0000"}',
    '{"type":"subscribe","keys":[],"client_id":9}',
    '{"type":"ack"}',
    '{"type":"quit"}',
    '{"type":"worker.hello.v1","payload":{}}',
    '{"type":"worker.hello.v1","payload":{"consumer_id":"00000000-0000-0000-0000-000000000001",'
    '"worker_name":"\\u0000","worker_type":"\\ud800","heartbeat_interval_seconds":9223372036854775808,'
    '"supported_channel_versions":["work_pool_worker_channel.v1"],"work_queue_names":["\\u0000"]}}',
    '{"event":"\\u0000","id":"x","occurred":9e99,"resource":{}}',
    '{"event":"prefect.task-run.Running","id":"00000000-0000-0000-0000-000000000009",'
    '"occurred":"9999-12-31T23:59:59-14:00","resource":{"prefect.resource.id":"prefect.task-run.x",'
    '"prefect.state-type":"NONE"},"payload":{"task_run":7,"validated_state":[]}}',
    "[" * 10_000,
    b"\x00\xff\xfe",
    b'{"type":"filter","filter":{}}',
    "x" * (1024 * 1024),
]
GIANT = "x" * (20 * 1024 * 1024)


class Dialler:
    """Opens sockets of one server."""

    def __init__(self, port: int, world: World) -> None:
        self._port = port
        self._world = world

    @contextmanager
    def open(self, path: str, *, authenticated: bool = True) -> Iterator[ClientConnection]:
        """A socket of a path, past its handshake or not."""
        url = f"ws://127.0.0.1:{self._port}/api{self._world.address(path)}"
        options = {"subprotocols": ["prefect"], "open_timeout": SECONDS, "close_timeout": 1}
        with connect(url, **options) as opened:
            if authenticated:
                opened.send(AUTH)
                opened.recv(SECONDS)
            yield opened

    def say(self, path: str, *frames: str | bytes, authenticated: bool = True) -> int | None:
        """Send frames and close; the code that it was closed with, by whoever was first."""
        with self.open(path, authenticated=authenticated) as opened, suppress(ConnectionClosed):
            for frame in frames:
                opened.send(frame)
            opened.ping().wait(PING_SECONDS)
        return opened.close_code

    def leave_half_open(self, path: str) -> None:
        """Begin a handshake, and go in the middle of it; go in the middle of a frame."""
        with suppress(OSError), socket.create_connection(("127.0.0.1", self._port), SECONDS) as raw:
            raw.sendall(
                f"GET /api{self._world.address(path)} HTTP/1.1\r\nHost: 127.0.0.1\r\n".encode()
            )
        with suppress(OSError, ConnectionClosed), self.open(path) as opened:
            opened.socket.sendall(b"\x81\xfe\x10\x00abcd")  # of a frame of 4,096 bytes, the head
            opened.socket.shutdown(socket.SHUT_RDWR)

    def open_many(self, paths: list[str], number: int) -> int:
        """So many at once, over the paths in turn; how many were open at the same time."""
        with ExitStack() as stack:
            for at in range(number):
                path = paths[at % len(paths)]
                stack.enter_context(self.open(path)).send(FIRST[path])
            return number


def throw_all(dialler: Dialler, every: int = 1) -> Iterator[tuple[str, int | None]]:
    """Everything, over each path: the path, and the code that the socket was closed with.

    Args:
        dialler: Of the server.
        every: One bad frame of so many is sent, others to each path.
    """
    for at, (path, first) in enumerate(FIRST.items()):
        for frame in BAD_FRAMES[at % every :: every]:
            yield path, dialler.say(path, frame)
            yield path, dialler.say(path, first, frame)
            yield path, dialler.say(path, frame, authenticated=False)
        yield path, dialler.say(path, first, first, AUTH)
        yield path, dialler.say(path, GIANT)
        yield path, dialler.say(path, first, GIANT)
        with suppress(InvalidHandshake):
            dialler.leave_half_open(path)
        yield path, None
