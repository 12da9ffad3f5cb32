"""A server that was away: nobody could renew a lease meanwhile, so every live one is prolonged.

Away is whatever kept the loop of leases from looking: the process was dead or stopped, the machine
slept, the database did not answer. The moment of the last look is kept in the database while leases
are live; with none there is nothing to owe, and nothing is written.
"""

from uuid import UUID

from headrace.core.leases import FIRST_HEARTBEAT_SECONDS, HEARTBEATS_PER_LEASE, Absence
from headrace.core.times import to_datetime, to_text
from headrace.server.store import installation
from headrace.server.store import leases as sql
from headrace.server.store.database import Database, Transaction

LOOKED = "leases_looked_at"
"""The installation's value that holds the moment."""

_PAGE = 500  # leases prolonged in one unit
_FIRST = str(UUID(int=0))  # before every id
_LONGEST_HEARTBEAT = HEARTBEATS_PER_LEASE * FIRST_HEARTBEAT_SECONDS


async def last_look(database: Database) -> str | None:
    """When a server last looked at leases, as the store's text; None where there never were any."""
    rows = await database.fetch_few(installation.VALUE, {"name": LOOKED})
    return rows[0][0] if rows else None


async def remember_look(database: Database, moment: str) -> None:
    """Write that leases were looked at."""
    await database.transact(lambda tx: _remember(tx, moment))


def _remember(tx: Transaction, moment: str) -> None:
    if tx.fetch_all(installation.VALUE, {"name": LOOKED}):
        tx.execute(installation.UPDATE, {"name": LOOKED, "value": moment})
    else:
        tx.execute(installation.INSERT, {"key": LOOKED, "value": moment})


async def make_up_for(database: Database, looked: str, now: str, lease_seconds: float) -> int:
    """Prolong the leases that were live when they were last looked at; how many.

    Args:
        database: Where the runs are.
        looked: When they were last looked at.
        now: The present moment.
        lease_seconds: What a worker's lease has left at most afterwards.
    """
    before, present = to_datetime(looked), to_datetime(now)
    owed = {
        "worker": Absence(before, present, lease_seconds),
        "heartbeat": Absence(before, present, _LONGEST_HEARTBEAT),
    }
    prolonged = 0
    last = _FIRST
    while True:
        ids = await database.transact(lambda tx, after=last: _prolong(tx, owed, looked, after))
        prolonged += len(ids)
        if len(ids) < _PAGE:
            return prolonged
        last = ids[-1]


def _prolong(tx: Transaction, owed: dict[str, Absence], looked: str, last: str) -> list[str]:
    rows = tx.fetch_all(sql.LIVE, {"after": looked, "last": last, "page": _PAGE})
    changes = [
        {"run": run_id, "expires": to_text(owed[kind].shift(to_datetime(expires)))}
        for run_id, kind, expires in rows
        if kind in owed
    ]
    if changes:
        tx.execute(sql.PROLONG, changes)
    return [row[0] for row in rows]
