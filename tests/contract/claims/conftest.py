"""A small world of pools, queues and runs in a database of each kind."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import pytest
from claims_world import World

from headrace.server.services.signals import Signals
from headrace.server.store.open import open_database

Scenario = Callable[[World], Coroutine[Any, Any, None]]


@pytest.fixture
def run(database_url) -> Callable[[Scenario], None]:
    """Runs a scenario in a fresh world on an event loop of its own."""

    def play(scenario: Scenario) -> None:
        async def whole() -> None:
            database = await open_database(database_url)
            try:
                async with asyncio.timeout(60):
                    world = World(database, Signals())
                    await scenario(world)
                    await world.claims.close()
            finally:
                await database.close()

        asyncio.run(whole())

    return play
