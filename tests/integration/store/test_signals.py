"""Signals between servers that share a PostgreSQL database."""

import asyncio
from collections.abc import Iterator

import psycopg
import pytest

from headrace.server.services.signals import Signals
from headrace.server.store.database import Database
from headrace.server.store.notify import MAX_PAYLOAD, _split
from headrace.server.store.open import open_database


class Server:
    """A database and its signals, as a server has them."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.signals = Signals()

    async def join(self) -> None:
        forward = await self.database.share_signals(self.signals.deliver)
        assert forward is not None
        self.signals.forward_to(forward)


@pytest.fixture
def servers(runner: asyncio.Runner, postgresql_url: str) -> Iterator[list[Server]]:
    """Two servers on one database."""

    async def start() -> list[Server]:
        servers = [Server(await open_database(postgresql_url)) for _ in range(2)]
        for server in servers:
            await server.join()
        return servers

    started = runner.run(start())
    yield started
    for server in started:
        runner.run(server.database.close())


async def test_a_topic_wakes_waiters_on_the_other_server(servers: list[Server]) -> None:
    """What one server publishes is heard on both, and only its own waiters wake."""
    here, there = servers
    with (
        here.signals.listen(["queue:1"]) as local,
        there.signals.listen(["queue:1"]) as remote,
        there.signals.listen(["queue:2"]) as other,
    ):
        here.signals.publish("queue:1", "run:7")
        assert await local.wait(60)
        assert await remote.wait(60)
        assert not await other.wait(0)
        # its own message does not come back as a second wake-up
        there.signals.publish("queue:2")
        assert await other.wait(60)
        assert not await other.wait(0.05)


async def test_many_topics_at_once(servers: list[Server]) -> None:
    """More topics than one message holds all arrive."""
    here, there = servers
    topics = [f"run:{number:036}" for number in range(1000)]
    listeners = [there.signals.listen([topic]) for topic in topics]
    here.signals.publish(*topics)
    assert all(await asyncio.gather(*(listener.wait(60) for listener in listeners)))
    for listener in listeners:
        listener.close()


async def test_a_lost_connection_is_made_again(servers: list[Server], postgresql_url: str) -> None:
    """After the sessions were ended, signals pass again within a moment."""
    here, there = servers
    with psycopg.connect(postgresql_url, autocommit=True) as connection:
        connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
    with there.signals.listen(["queue:1"]) as remote:
        for _ in range(200):
            here.signals.publish("queue:1")
            if await remote.wait(0.05):
                break
        else:
            pytest.fail("no signal came through")


async def test_a_message_of_another_program_is_ignored(
    servers: list[Server], postgresql_url: str
) -> None:
    """What is not a list of topics harms nobody."""
    here, there = servers
    with psycopg.connect(postgresql_url, autocommit=True) as connection:
        connection.execute("SELECT pg_notify('headrace', 'hello')")
    with there.signals.listen(["queue:1"]) as remote:
        here.signals.publish("queue:1")
        assert await remote.wait(60)


def test_messages_keep_within_their_bound() -> None:
    """Parts stay below what PostgreSQL takes, and a topic that is too long is left out."""
    topics = [f"owner:{'ä' * 900}{number}" for number in range(20)] + ["x" * MAX_PAYLOAD]
    parts = list(_split(topics))
    assert [topic for part in parts for topic in part] == topics[:-1]
    assert all(len(repr(part).encode()) <= MAX_PAYLOAD + 100 for part in parts)
