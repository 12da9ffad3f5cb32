"""Creating, recognising and upgrading our tables on PostgreSQL."""

import psycopg
from sqlalchemy.engine import Dialect

from headrace._bindings import load
from headrace.errors import DatabaseNotOurs
from headrace.server.store.migrate import VERSION_TABLE, creation_script, find_revision, is_older

MIGRATION_LOCK = 0x4844_5243_0001
"""Advisory lock: one server at a time creates or upgrades."""


def prepare_postgresql(conninfo: str, dialect: Dialect) -> None:
    """Create, recognise or upgrade our tables in the connection's current schema.

    Raises `DatabaseNotOurs`; psycopg's errors are the caller's to translate.
    """
    with psycopg.connect(conninfo, autocommit=True) as connection:
        connection.execute("SELECT pg_advisory_lock(%s)", (MIGRATION_LOCK,))
        tables = connection.execute(
            "SELECT tablename FROM pg_tables WHERE schemaname = current_schema()"
        ).fetchall()
        if not tables:
            with connection.transaction():
                for statement in creation_script(dialect):
                    connection.execute(statement.encode())
            return
        where = f"database {connection.info.dbname} at {connection.info.host}"
        if not {(VERSION_TABLE,), ("installation",)} <= set(tables):
            message = f"{where} holds tables of another program; choose an empty database"
            raise DatabaseNotOurs(message)
        revision = find_revision(lambda sql: connection.execute(sql.encode()))
        if is_older(revision, where):
            # the lock stays held by this connection while another one upgrades
            runner = "headrace.server.store.migrations.runner"
            load(f"{runner}:upgrade")(load(f"{runner}:postgresql_engine")(conninfo))
