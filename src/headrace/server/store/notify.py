"""Topics between servers that share a PostgreSQL database: LISTEN and NOTIFY.

A topic that is published on one server wakes those who wait for it on the others. A message may be
lost while a connection is down: everyone who waits also looks for himself from time to time.
"""

import asyncio
from collections.abc import Iterable, Iterator
from contextlib import suppress
from logging import getLogger

import msgspec

from headrace.errors import DatabaseUnavailable
from headrace.server.store.database import Deliver
from headrace.server.store.plans import Prepared
from headrace.server.store.postgresql_session import Bound, Connector, Session

CHANNEL = "headrace"

GATHER_SECONDS = 0.005
"""How long topics are gathered for one message: much less than a wake-up is worth."""

MAX_TOPICS = 10_000
"""Topics that are kept for a message; beyond that the newest are dropped, and waiters must look."""

MAX_PAYLOAD = 7_900
"""Bytes of one message; PostgreSQL takes 7,999."""

_RETRY_SECONDS = 0.5  # between attempts to listen again; the connector waits longer by itself

_NOTIFY = Prepared("SELECT pg_notify($1, $2)", None, lasting=True)
_log = getLogger(__name__)
_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(list[str]).decode


class SignalBridge:
    """Carries topics from this server to the others, and theirs to this one.

    Args:
        connector: How to connect.
        deliver: Called with the topics of another server, on the event loop.
    """

    def __init__(self, connector: Connector, deliver: Deliver) -> None:
        self._connector = connector
        self._deliver = deliver
        self._loop = asyncio.get_running_loop()
        self._session: Session | None = None
        self._topics: dict[str, None] = {}
        self._gathering: asyncio.TimerHandle | None = None
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Listen, and go on listening whatever happens to the connection.

        Raises `DatabaseUnavailable` when the first connection cannot be made.
        """
        session = await self._listen()
        self._task = self._loop.create_task(self._keep_listening(session), name="store-signals")

    def forward(self, topics: tuple[str, ...]) -> None:
        """Tell the other servers that these topics were published."""
        if len(self._topics) < MAX_TOPICS:
            self._topics.update(dict.fromkeys(topics))
        if self._gathering is None:
            self._gathering = self._loop.call_later(GATHER_SECONDS, self._send)

    async def close(self) -> None:
        """Send what is gathered and stop listening."""
        if self._gathering is not None:
            self._gathering.cancel()
            self._send()
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task
        if self._session is not None:
            self._session.close()

    def _send(self) -> None:
        self._gathering = None
        topics, self._topics = self._topics, {}
        session = self._session
        if session is not None and session.alive:
            answers = session.send([_message(part) for part in _split(topics)])
            # nobody waits for it: a loss is noticed by the listening task
            answers.add_done_callback(lambda done: done.cancelled() or done.exception())

    async def _listen(self) -> Session:
        session = await self._connector.open((f"LISTEN {CHANNEL}",))
        session.on_notification = self._hear
        self._session = session
        return session

    async def _keep_listening(self, session: Session) -> None:
        while True:
            await session.ended.wait()
            _log.warning("The connection for signals between servers was lost; making another")
            while not session.alive:
                with suppress(DatabaseUnavailable):
                    session = await self._listen()
                    break
                await asyncio.sleep(_RETRY_SECONDS)

    def _hear(self, sender: int, payload: bytes) -> None:
        """Deliver a message, unless it is our own: those were delivered when they were published."""
        if self._session is None or sender == self._session.backend:
            return
        try:
            topics = _decode(payload)
        except msgspec.DecodeError:
            _log.warning("Another program sent a message to channel %r; ignoring it", CHANNEL)
            return
        self._deliver(topics)


def _message(topics: list[str]) -> Bound:
    return _NOTIFY, [CHANNEL.encode(), _encode(topics)]


def _split(topics: Iterable[str]) -> Iterator[list[str]]:
    """Topics in parts that fit into a message each. One that fits into none is left out."""
    part: list[str] = []
    size = 2  # the brackets
    for topic in topics:
        length = len(_encode(topic)) + 1
        if length + 2 > MAX_PAYLOAD:
            continue
        if size + length > MAX_PAYLOAD:
            yield part
            part, size = [], 2
        part.append(topic)
        size += length
    if part:
        yield part
