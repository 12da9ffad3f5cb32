"""The same on PostgreSQL: our tables in the connection's current schema."""

from collections.abc import Generator
from contextlib import contextmanager

import psycopg
from psycopg import sql

from headrace.errors import DatabaseNotOurs
from headrace.server.store.backup_postgresql import connected, require_alone
from headrace.server.store.migrate import VERSION_TABLE, creation_script, find_revision, is_older
from headrace.server.store.migrate_postgresql import MIGRATION_LOCK, prepare_postgresql
from headrace.server.store.postgresql import new_dialect
from headrace.server.store.schema import metadata


def present_revision(url: str) -> str:
    """The revision of the database. Raises `DatabaseNotOurs` where it is not ours, or newer."""
    with connected(url) as target:
        found = target.execute("SELECT to_regclass(%s)", ("installation",)).fetchone()
        where = f"database {target.info.dbname}"
        if found is None or found[0] is None:
            message = f"{where} holds no tables of Headrace"
            raise DatabaseNotOurs(message)
        revision = find_revision(lambda text: target.execute(text.encode()))
        is_older(revision, where)
        return str(revision)


@contextmanager
def alone(url: str) -> Generator[str]:
    """No server has the database open, nor opens it meanwhile. Raises `DatabaseInUse`."""
    with connected(url) as holder:
        holder.execute("SELECT pg_advisory_lock(%s)", (MIGRATION_LOCK,))
        require_alone(holder)
        yield url


def recreate(url: str) -> None:
    """Drop our tables and make them again, in one transaction."""
    prepare_postgresql(url, new_dialect())  # refuses what is not ours
    with connected(url) as target, target.transaction():
        target.execute("SELECT pg_advisory_xact_lock(%s)", (MIGRATION_LOCK,))
        require_alone(target)
        _drop(target)
        for statement in creation_script(new_dialect()):
            target.execute(statement.encode())


def _drop(target: "psycopg.Connection[tuple[object, ...]]") -> None:
    names = [*(table.name for table in metadata.sorted_tables), VERSION_TABLE]
    tables = sql.SQL(", ").join(sql.Identifier(name) for name in names)
    target.execute(sql.SQL("DROP TABLE IF EXISTS {} CASCADE").format(tables))
    for name in metadata._sequences:  # noqa: SLF001 # pyright: ignore[reportPrivateUsage] # no public name
        target.execute(sql.SQL("DROP SEQUENCE IF EXISTS {}").format(sql.Identifier(name)))
