"""Values that belong to the whole installation."""

from headrace.server.store import installation as store
from headrace.server.store.database import Database, Transaction


async def read_value(database: Database, key: str) -> str | None:
    """The value, or None where none was set."""
    row = await database.fetch_one(store.VALUE, {"name": key})
    return None if row is None else row[0]


async def write_value(database: Database, key: str, value: str | None) -> None:
    """Set the value, or remove it with None."""

    def write(tx: Transaction) -> None:
        tx.lock(f"installation:{key}")
        tx.execute(store.DELETE, {"name": key})
        if value is not None:
            tx.execute(store.INSERT, {"key": key, "value": value})

    await database.transact(write)
