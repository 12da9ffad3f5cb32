"""PostgreSQL of this machine, started for one run: the same installation for every side.

It is Debian's, not the one in the tests' wheel: the peer needs an extension that the wheel lacks.
"""

import contextlib
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg

from bench.sides import free_port, stop

START_SECONDS = 60
USER = "postgres"  # PostgreSQL refuses to run as root
INSTALL = ["apt-get", "install", "-y", "-q", "postgresql"]


class Postgres:
    """A running installation that gives out databases."""

    def __init__(self, port: int) -> None:
        self._port = port

    def address(self, database: str) -> str:
        """Where a database is reached, alike for every side."""
        return f"postgresql://{USER}@127.0.0.1:{self._port}/{database}"

    def fresh(self, database: str) -> str:
        """The address of an empty database of that name."""
        with psycopg.connect(self.address("postgres"), autocommit=True) as connection:
            connection.execute(f"DROP DATABASE IF EXISTS {database} WITH (FORCE)")
            connection.execute(f"CREATE DATABASE {database}")
        return self.address(database)


@contextlib.contextmanager
def running() -> Iterator[Postgres]:
    """Start it with the settings it comes with, on loopback; its files are deleted afterwards."""
    binaries = _binaries()
    home = Path(tempfile.mkdtemp(prefix="headrace-bench-postgresql-"))
    owner = USER if os.getuid() == 0 else None
    if owner:
        shutil.chown(home, owner, owner)
    data, port = home / "data", free_port()
    try:
        subprocess.run(
            [binaries / "initdb", "-D", data, "-U", USER, "--auth=trust", "--encoding=UTF8"],
            check=True, stdout=subprocess.DEVNULL, user=owner, group=owner, cwd=home,
        )  # fmt: skip
        with (home / "server.log").open("wb") as log:
            process = subprocess.Popen(
                [binaries / "postgres", "-D", data, "-p", str(port), "-k", home, "-h", "127.0.0.1"],
                stdout=log, stderr=log, user=owner, group=owner, cwd=home, start_new_session=True,
            )  # fmt: skip
        try:
            found = Postgres(port)
            _wait(found, process, home / "server.log")
            yield found
        finally:
            stop(process)
    finally:
        shutil.rmtree(home)


def _binaries() -> Path:
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    if not found and os.getuid() == 0:
        subprocess.run(["apt-get", "update", "-q"], check=True)
        subprocess.run(INSTALL, check=True)
        found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    if not found:
        message = f"PostgreSQL's programs are not installed; as root: {' '.join(INSTALL)}"
        raise RuntimeError(message)
    return found[-1].parent


def _wait(found: Postgres, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        with contextlib.suppress(psycopg.OperationalError):
            psycopg.connect(found.address("postgres"), connect_timeout=5).close()
            return
        time.sleep(0.05)
    message = f"PostgreSQL did not come up:\n{log.read_text()[-3000:]}"
    raise RuntimeError(message)
