"""What the store asks of a database: one protocol, two implementations.

`sqlite.py` and `postgresql.py` implement `Database`; the contract suite in
`tests/contract/store` runs on both. Nouns (`store/flow_runs.py`, …) build statements with
SQLAlchemy Core once, at import, as `Statement` values, and hand over rows as plain tuples.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

from sqlalchemy.sql import ClauseElement

Row = tuple[Any, ...]
Params = Mapping[str, Any]
T = TypeVar("T")
Deliver = Callable[[Iterable[str]], None]
Forward = Callable[[tuple[str, ...]], None]


@dataclass(frozen=True, slots=True, eq=False, weakref_slot=True)
class Statement:
    """A Core construct with named bind parameters, compiled once per dialect.

    Hashed by identity: build it once, at module level or in a `ShapedQuery`, and reuse it.

    Args:
        construct: What is compiled.
        lasting: It is used so often that preparing it on the database's server pays from the start.
    """

    construct: ClauseElement
    lasting: bool = True


@dataclass(frozen=True, slots=True)
class Write:
    """One statement of a unit with its parameters: one set, or many sets for `executemany`.

    `expect` is the number of rows it must change. Where it changes another number, the whole unit is
    undone and `StaleWrite` is raised: that is the compare-and-set. Only with one set of parameters.
    """

    statement: Statement
    params: Params | Sequence[Params]
    expect: int | None = None


def parameter_sets(params: Params | Sequence[Params]) -> Sequence[Params]:
    """The sets of parameters: one, or as many as were given."""
    return (params,) if isinstance(params, Mapping) else params


Unit = Sequence[Write]
"""Writes that commit together or not at all: SQL only, at most 500 rows, at most about 5 ms."""


class Transaction(Protocol):
    """The inside of one transaction, for work that must read before it writes (a claim, say).

    Synchronous: it runs in the database's own thread. It must not wait for anything but SQL.
    """

    def fetch_all(self, statement: Statement | ClauseElement, params: Params = ...) -> list[Row]:
        """Rows of a query."""
        ...

    def fetch_one(self, statement: Statement | ClauseElement, params: Params = ...) -> Row | None:
        """The first row of a query, or none."""
        ...

    def execute(
        self, statement: Statement | ClauseElement, params: Params | Sequence[Params] = ...
    ) -> int:
        """Change rows; the number changed, by all sets together."""
        ...

    def now(self) -> str:
        """The database's time, as the store's fixed-width text: leases are judged by it alone."""
        ...

    def lock(self, *keys: str) -> None:
        """Hold these names until the end of the transaction, taken in sorted order.

        PostgreSQL: one transaction-scoped advisory lock each. SQLite: nothing, it has one writer.
        """
        ...


class Database(Protocol):
    """A database that is open, migrated and ours."""

    @property
    def dialect(self) -> str:
        """`sqlite` or `postgresql`."""
        ...

    @property
    def waiting_writes(self) -> int:
        """How many units wait to be committed: what `TooBusy` is decided by."""
        ...

    def announce(self, url: str) -> None:
        """Tell other processes where this server answers, once it does.

        SQLite: in a file beside the database. PostgreSQL: nothing, many servers share it.
        """
        ...

    async def share_signals(self, deliver: Deliver) -> Forward | None:
        """Hear topics that other servers on this database publish, and get a way to tell ours.

        SQLite: None, there is no other server.

        Args:
            deliver: Called on the event loop with topics from elsewhere: `Signals.deliver`.

        Returns:
            What `Signals.forward_to` wants.
        """
        ...

    async def fetch_all(
        self, statement: Statement | ClauseElement, params: Params = ...
    ) -> list[Row]:
        """Rows of a query, outside any transaction: lists, counts, searches."""
        ...

    async def fetch_few(
        self, statement: Statement | ClauseElement, params: Params = ...
    ) -> list[Row]:
        """A handful of rows found through an index, within about 100 µs however large the tables.

        As `fetch_one`, SQLite answers on the event loop: a thread's hand-over would cost more.
        """
        ...

    async def fetch_one(
        self, statement: Statement | ClauseElement, params: Params = ...
    ) -> Row | None:
        """One row found through a unique key. SQLite answers on the event loop: keep it to that."""
        ...

    async def apply(self, unit: Unit) -> None:
        """Commit a unit, grouped with the others that are waiting. Returns once it is durable.

        Raises `StaleWrite` (an `expect` did not hold), `UniqueViolation`, `ForeignKeyViolation`,
        `DatabaseReadOnly`, `DatabaseFull`, `DatabaseUnavailable`, `TooBusy` (the queue is at its
        bound).
        """
        ...

    async def transact(self, work: Callable[[Transaction], T]) -> T:
        """Run `work` in one transaction (SQLite: a savepoint of the group commit). Same errors.

        `work` may be run again after a lost transaction: it must have no effect but its SQL.
        """
        ...

    async def close(self) -> None:
        """Finish what is queued and release the database."""
        ...
