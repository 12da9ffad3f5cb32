"""Wake-ups inside one server process: who waits for what, and what just happened.

A topic is a word and an id, as `queue:{id}`, `deployment:{id}`, `run:{id}`, `owner:{name}`, or a
word alone, as `events`. Publishing is done after commit and never blocks; a waiter that is not there
misses nothing, because it reads the database before it waits and again when it wakes.
"""

import asyncio
from collections import defaultdict
from collections.abc import Callable, Iterable

Forward = Callable[[tuple[str, ...]], None]


class Signals:
    """Topics and the futures that wait for them. Use it from one event loop only."""

    def __init__(self) -> None:
        self._waiting: dict[str, set[asyncio.Future[None]]] = defaultdict(set)
        self._forwards: list[Forward] = []

    def forward_to(self, forward: Forward) -> None:
        """Also hand every published topic to `forward`: how other servers hear of it."""
        self._forwards.append(forward)

    def publish(self, *topics: str) -> None:
        """Wake those who wait for any of the topics, here and on other servers."""
        self.deliver(topics)
        for forward in self._forwards:
            forward(topics)

    def deliver(self, topics: Iterable[str]) -> None:
        """Wake those who wait here: what `publish` does, less the forwarding."""
        for topic in topics:
            for future in self._waiting.get(topic, ()):
                if not future.done():
                    future.set_result(None)

    async def wait(self, topics: Iterable[str], timeout: float) -> bool:  # noqa: ASYNC109  # False tells it, no error
        """Wait until one of the topics is published; False when `timeout` seconds pass first.

        To miss nothing: `listen` first, read the database, then wait on the listener.
        """
        with self.listen(topics) as listener:
            return await listener.wait(timeout)

    def listen(self, topics: Iterable[str]) -> "Listener":
        """Register interest now; what is published from here on wakes the next `wait`."""
        return Listener(self._waiting, tuple(topics))


class Listener:
    """Interest in some topics, kept from `listen` until it is closed."""

    def __init__(
        self, waiting: dict[str, set[asyncio.Future[None]]], topics: tuple[str, ...]
    ) -> None:
        self._waiting = waiting
        self._topics = topics
        self._future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._register()

    def _register(self) -> None:
        for topic in self._topics:
            self._waiting[topic].add(self._future)

    def _forget(self) -> None:
        for topic in self._topics:
            waiters = self._waiting.get(topic)
            if waiters is not None:
                waiters.discard(self._future)
                if not waiters:
                    del self._waiting[topic]

    async def wait(self, timeout: float) -> bool:  # noqa: ASYNC109  # False tells it, no error
        """True as soon as anything was published since `listen` or the last `wait`."""
        done, _ = await asyncio.wait([self._future], timeout=max(0.0, timeout))
        if not done:
            return False
        self._forget()
        self._future = asyncio.get_running_loop().create_future()
        self._register()
        return True

    def close(self) -> None:
        """Stop listening."""
        self._forget()
        self._future.cancel()

    def __enter__(self) -> "Listener":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
