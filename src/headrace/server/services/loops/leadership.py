"""One runner per loop among several servers: the leader lease.

On SQLite a database has one server process, so its loops always lead. On PostgreSQL the row of a loop
in `loop_lease` says who runs it and until when, by the database's clock.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from sqlalchemy import bindparam, insert, select, update

from headrace.server.store.database import Database, Statement, Transaction
from headrace.server.store.schema import loop_lease

LEASE_SECONDS = 15.0
"""How long a loop stands still at most when its leader is killed."""


class Leadership(Protocol):
    """Whether this server runs a loop now."""

    async def holds(self, name: str) -> bool:
        """Take or keep the lead of the loop `name`; False while another server has it."""
        ...

    async def release(self, name: str) -> None:
        """Give the lead up, so that another server takes it without waiting."""
        ...


class SoleServer:
    """Leads every loop: there is no other server on this database."""

    async def holds(self, name: str) -> bool:  # noqa: ARG002 - the protocol's argument
        """Always True."""
        return True

    async def release(self, name: str) -> None:
        """Nothing to give up."""


@dataclass(frozen=True, slots=True)
class LoopLeases:
    """Leads a loop while its row in `loop_lease` names this server."""

    database: Database
    owner: str

    async def holds(self, name: str) -> bool:
        """Take the lease if it is free, expired or ours.

        A lease of ours is only rewritten once half of it is gone: a fast loop writes no more than a
        slow one.
        """
        return await self.database.transact(lambda tx: _take(tx, name, self.owner))

    async def release(self, name: str) -> None:
        """Delete our row."""
        await self.database.transact(lambda tx: tx.execute(_RELEASE, {"n": name, "o": self.owner}))


_READ = Statement(
    select(loop_lease.c.owner, loop_lease.c.expires).where(loop_lease.c.name == bindparam("n"))
)
_INSERT = Statement(
    insert(loop_lease).values(name=bindparam("n"), owner=bindparam("o"), expires=bindparam("e"))
)
_TAKE = Statement(
    update(loop_lease)
    .where(loop_lease.c.name == bindparam("n"))
    .values(owner=bindparam("o"), expires=bindparam("e"))
)
_RELEASE = Statement(
    loop_lease.delete().where(
        loop_lease.c.name == bindparam("n"), loop_lease.c.owner == bindparam("o")
    )
)


def _take(tx: Transaction, name: str, owner: str) -> bool:
    tx.lock(f"loop:{name}")
    row = tx.fetch_one(_READ, {"n": name})
    now = tx.now()
    expires = _later(now, LEASE_SECONDS)
    values = {"n": name, "o": owner, "e": expires}
    if row is None:
        tx.execute(_INSERT, values)
        return True
    holder, until = row
    if holder != owner and until > now:
        return False
    if holder != owner or until < _later(now, LEASE_SECONDS / 2):
        tx.execute(_TAKE, values)
    return True


def _later(text: str, seconds: float) -> str:
    moment = datetime.fromisoformat(text) + timedelta(seconds=seconds)
    return moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
