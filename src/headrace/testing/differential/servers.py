"""Fresh servers for a comparison: the peer, and ours on each database."""

import contextlib
from collections.abc import Generator, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from uuid import uuid4

import psycopg

from headrace.testing.differential.sides import Side, headrace, peer
from headrace.testing.differential.world import World


@dataclass(frozen=True, slots=True)
class Servers:
    """Where servers come from.

    Args:
        python: Interpreter that has the peer installed.
        postgresql: Address of a database in whose installation others may be made; without one ours
            is compared on SQLite only.
    """

    python: Path
    postgresql: str | None = None

    @property
    def databases(self) -> tuple[str, ...]:
        """What our servers keep their rows in."""
        return ("SQLite",) if self.postgresql is None else ("SQLite", "PostgreSQL")

    @contextlib.contextmanager
    def world(self, peers_home: Path | None = None) -> Generator[World]:
        """All of them, empty, but for a peer in a home that it had before."""
        with TemporaryDirectory(prefix="headrace-differential-") as directory:
            home = Path(directory)
            with (
                peer(self.python, peers_home or home / "peer") as theirs,
                self.ours(home) as ours,
                World([theirs, *ours]) as world,
            ):
                yield world

    @contextlib.contextmanager
    def ours(self, home: Path) -> Generator[Sequence[Side]]:
        """Ours, empty, with their files below `home`."""
        with contextlib.ExitStack() as stack:
            file = str(home / "headrace.db")
            sides = [stack.enter_context(headrace(home / "sqlite", file, "SQLite"))]
            if self.postgresql is not None:
                address = stack.enter_context(_database(self.postgresql))
                ours = headrace(home / "postgresql", address, "PostgreSQL")
                sides.append(stack.enter_context(ours))
            yield sides


@contextlib.contextmanager
def _database(beside: str) -> Generator[str]:
    """A database for a while, in the installation of another one."""
    name = f"headrace_differential_{uuid4().hex}"
    with psycopg.connect(beside, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name} TEMPLATE template0".encode())
        try:
            start, _, options = beside.partition("?")
            yield f"{start.rpartition('/')[0]}/{name}" + (f"?{options}" if options else "")
        finally:
            connection.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())
