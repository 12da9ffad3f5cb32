"""The unmodified client of the wire contract against our server, both as programs of their own.

A module's tests share one server and, mostly, one program under `programs/`: starting the client costs
two seconds of processor time. Such a program does many things and writes a report; the tests judge what
it did by our API, by side effects, and by the report.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest

from headrace.testing import peer
from tests.conftest import PostgresqlServer
from tests.interop.contract_client import CommandLine, ContractClient
from tests.interop.contract_image import contract_image
from tests.interop.served import Served, serve

__all__ = ["contract_image"]

PROJECT = Path(__file__).parents[2]


@pytest.fixture(scope="session")
def peer_python() -> Path:
    """The interpreter that has the contract's client installed, and ours beside it, as users may.

    The first use installs it.
    """
    state = (PROJECT / "pyproject.toml").read_text()
    ours = ("--editable", str(PROJECT))
    return peer.install(PROJECT / ".peer-with-ours", ours, state, serves=False)


@pytest.fixture(scope="session")
def peer_with_workers() -> Path:
    """The interpreter that has the contract's client and its workers for containers."""
    return peer.install(PROJECT / ".peer-with-workers", ("prefect-docker", "prefect-kubernetes"))


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory for the files of a module's programs."""
    return tmp_path_factory.mktemp("interop")


@pytest.fixture(scope="module")
def store_url(request: pytest.FixtureRequest, place: Path) -> Iterator[str]:
    """A fresh database: SQLite, or PostgreSQL where the module has `DATABASE = "postgresql"`.

    A module may also ask for both: `parametrize("store_url", …, indirect=True, scope="module")`.
    """
    kind = getattr(request, "param", None) or getattr(request.module, "DATABASE", "sqlite")
    if kind == "sqlite":
        yield f"sqlite:///{place / 'headrace.db'}"
        return
    server: PostgresqlServer = request.getfixturevalue("postgresql_server")
    url = server.create(request.getfixturevalue("postgresql_template"))
    yield url
    server.drop(url)


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory, store_url: str) -> Iterator[Served]:
    """Our server, for a module's tests. It may log no error."""
    with serve(tmp_path_factory.mktemp("server") / "home", store_url) as server:
        yield server
    assert not server.complaints()


@pytest.fixture(scope="module")
def client(
    served: Served, tmp_path_factory: pytest.TempPathFactory, peer_python: Path
) -> Iterator[ContractClient]:
    """Runs the contract's programs against the module's server."""
    home = tmp_path_factory.mktemp("client") / "home"
    with ContractClient(peer_python, served.url, home) as programs:
        yield programs


@pytest.fixture(scope="module")
def prefect(client: ContractClient) -> Iterator[CommandLine]:
    """The contract's command, against the module's server."""
    command = CommandLine(client)
    yield command
    command.close()
