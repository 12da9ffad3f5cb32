"""Following events and logs over a WebSocket. Loaded only where something is followed.

A subscription survives the server's restarts: it comes back with the time of what it saw last, asks
for what it missed, and leaves out what it has handed out before.
"""

from __future__ import annotations

from collections import deque
from contextlib import ExitStack, suppress
from datetime import UTC, datetime, timedelta
from time import monotonic, sleep
from typing import TYPE_CHECKING, Any, Generic, TypeVar, cast

import msgspec
from websockets.exceptions import ConnectionClosed, InvalidHandshake
from websockets.sync.client import ClientConnection, connect
from websockets.typing import Subprotocol

from headrace._bindings import load
from headrace.client.encoding import encode
from headrace.errors import HeadraceError, ServerUnreachable, Unauthorized, UnexpectedAnswer
from headrace.wire.events import EventFilter, EventOccurredFilter, ReceivedEvent
from headrace.wire.logs import Log, LogFilter, LogFilterTimestamp

if TYPE_CHECKING:
    from collections.abc import Callable
    from ssl import SSLContext
    from uuid import UUID

    from headrace.client.http import Client
    from headrace.client.routes import Route

T = TypeVar("T", ReceivedEvent, Log)

OVERLAP = timedelta(seconds=10)
"""How far before the last one seen is asked for again: records are committed out of their order."""

FAR = timedelta(days=365)  # "until" of a subscription: without it the server means "until now"
REMEMBERED = 10_000  # ids that are not handed out twice: more than the overlap holds
OPEN_TIMEOUT = 10.0  # seconds for the connection and the hand-shake
PING_INTERVAL = 20.0  # seconds between pings: a dead connection is noticed within two of them
FIRST_PAUSE = 0.25  # seconds before coming back; doubles
LONGEST_PAUSE = 10.0  # seconds
WRONG_TOKEN = 1008  # the close code of a refused token


class Subscription(Generic[T]):
    """What a server sends from now on (or from a time on). Use it in one thread, as a context."""

    def __init__(
        self,
        client: Client,
        path: str,
        ask: Callable[[datetime | None], dict[str, Any]],
        read: Callable[[Any], T],
        when: Callable[[T], datetime],
    ) -> None:
        """Describe it; the connection is made by the first `receive`.

        Args:
            client: The API.
            path: Of the socket.
            ask: The filter frame, given the time of what was seen last.
            read: A frame's object.
            when: An object's time.
        """
        self._client = client
        self._path = path
        self._ask = ask
        self._read = read
        self._when = when
        self._socket: ClientConnection | None = None
        self._last: datetime | None = None
        self._seen: set[UUID] = set()
        self._order: deque[UUID] = deque()
        self._pause = FIRST_PAUSE
        self._is_closed = False

    def __enter__(self) -> Subscription[T]:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __iter__(self) -> Subscription[T]:
        return self

    def __next__(self) -> T:
        item = self.receive(None)
        if item is None:
            raise StopIteration
        return item

    def close(self) -> None:
        """End it, from any thread: whoever waits in `receive` gets None."""
        self._is_closed = True
        if self._socket is not None:
            self._socket.close()

    def connect(self) -> None:
        """Connect now, so that nothing from here on is missed.

        Raises:
            ServerUnreachable: It cannot be reached.
            Unauthorized: The server refuses the credentials.
        """
        if self._socket is None:
            self._socket = self._open()

    def receive(self, timeout: float | None) -> T | None:
        """The next object; None when `timeout` seconds pass or the subscription is closed.

        Raises:
            Unauthorized: The server refuses the credentials.
        """
        deadline = None if timeout is None else monotonic() + timeout
        while not self._is_closed:
            left = None if deadline is None else deadline - monotonic()
            if left is not None and left <= 0:
                return None
            try:
                self.connect()
                item = self._next(left)
            except TimeoutError:
                return None
            except (ConnectionClosed, ServerUnreachable):
                if not self._is_closed:
                    self._lose(left)
                continue
            if item is not None:
                return item
        return None

    def _next(self, timeout: float | None) -> T | None:
        assert self._socket is not None
        frame = cast("dict[str, Any]", msgspec.json.decode(self._socket.recv(timeout)))
        body = frame.get(str(frame.get("type")))
        if not isinstance(body, dict):
            return None
        item = self._read(body)
        self._pause = FIRST_PAUSE
        return item if self._is_new(item) else None

    def _is_new(self, item: T) -> bool:
        if item.id in self._seen:
            return False
        self._seen.add(item.id)
        self._order.append(item.id)
        if len(self._order) > REMEMBERED:
            self._seen.discard(self._order.popleft())
        moment = self._when(item)
        self._last = moment if self._last is None else max(self._last, moment)
        return True

    def _lose(self, left: float | None) -> None:
        """After a broken connection: wait a little, and learn where the API is now."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None
        if self._last is None:
            self._last = datetime.now(UTC)
        pause = self._pause if left is None else min(self._pause, max(0.0, left))
        self._pause = min(self._pause * 2, LONGEST_PAUSE)
        sleep(pause)
        with suppress(HeadraceError):
            self._client.call(
                "GET", "/health", attempts=0
            )  # the embedded server has another address after a restart

    def _open(self) -> ClientConnection:
        return open_socket(self._client, self._path, self._ask(self._last and self._last - OVERLAP))


def open_socket(client: Client, path: str, first: dict[str, Any]) -> ClientConnection:
    """A WebSocket of the API, after the hand-shake; whoever has it closes it.

    Args:
        client: The API.
        path: Of the socket.
        first: What is said after the hand-shake.

    Raises:
        ServerUnreachable: It cannot be reached.
        Unauthorized: The server refuses the credentials.
    """
    route = client.route
    with ExitStack() as opening:
        try:
            opened = opening.enter_context(
                connect(
                    f"{'wss' if route.is_tls else 'ws'}://{route.host_header}{route.path}{path}",
                    subprotocols=[Subprotocol("prefect")],
                    additional_headers=client.authorization,
                    ssl=_tls(route) if route.is_tls else None,
                    proxy=True if route.proxy else None,
                    open_timeout=OPEN_TIMEOUT,
                    ping_interval=PING_INTERVAL,
                    ping_timeout=PING_INTERVAL,
                    max_size=None,
                )
            )
            _shake_hands(opened, client, path)
            opened.send(encode(first).decode())
        except (OSError, InvalidHandshake, TimeoutError, ConnectionClosed) as error:
            if _is_refusal(error):
                message = (
                    f"the API at {client.url} refuses {path} ({error}): the credentials are wrong, or "
                    "this server has no such socket"
                )
                raise Unauthorized(message) from error
            message = f"{path} of the API at {client.url} cannot be followed: {error}"
            raise ServerUnreachable(message) from error
        opening.pop_all()  # it stays open until it is closed
    return opened


def _shake_hands(opened: ClientConnection, client: Client, path: str) -> None:
    opened.send(encode({"type": "auth", "token": client.token}).decode())
    answer = cast("dict[str, Any]", msgspec.json.decode(opened.recv(OPEN_TIMEOUT)))
    if answer.get("type") != "auth_success":
        message = f"{path} answered the hand-shake with {answer}"
        raise UnexpectedAnswer(message)


def _tls(route: Route) -> SSLContext:
    return load("headrace.client.tls:context")(
        route.certificates, is_unverified=route.is_unverified
    )


def _is_refusal(error: BaseException) -> bool:
    if isinstance(error, ConnectionClosed):
        return error.rcvd is not None and error.rcvd.code == WRONG_TOKEN
    status = getattr(getattr(error, "response", None), "status_code", None)
    return status in {401, 403}


def subscribe_events(
    client: Client, wanted: EventFilter | None = None, since: datetime | None = None
) -> Subscription[ReceivedEvent]:
    """Follow events.

    Args:
        client: The API.
        wanted: Which events; all by default. Its times are not looked at.
        since: Begin with past events from here on; by default with those to come.
    """
    chosen = wanted or EventFilter()

    def ask(last: datetime | None) -> dict[str, Any]:
        begin = last or since
        now = datetime.now(UTC)
        occurred = EventOccurredFilter(since=begin or now, until=now + FAR)
        filtered = msgspec.structs.replace(chosen, occurred=occurred)
        return {"type": "filter", "filter": filtered, "backfill": begin is not None}

    return Subscription(
        client,
        "/events/out",
        ask,
        lambda body: msgspec.convert(body, ReceivedEvent),
        lambda event: event.occurred,
    )


def subscribe_logs(
    client: Client, wanted: LogFilter | None = None, since: datetime | None = None
) -> Subscription[Log]:
    """Follow log records.

    Args:
        client: The API.
        wanted: Which records; all by default. Its times are not looked at.
        since: Begin with past records from here on; by default with those to come.
    """
    chosen = wanted or LogFilter()

    def ask(last: datetime | None) -> dict[str, Any]:
        begin = last or since
        timestamp = LogFilterTimestamp(after_=begin or datetime.now(UTC))
        filtered = msgspec.structs.replace(chosen, timestamp=timestamp)
        return {"type": "filter", "filter": filtered, "backfill": begin is not None}

    return Subscription(
        client, "/logs/out", ask, lambda body: msgspec.convert(body, Log), lambda log: log.timestamp
    )
