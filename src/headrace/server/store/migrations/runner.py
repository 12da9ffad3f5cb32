"""Moves a database along the chain of revisions, with Alembic.

Nothing else imports Alembic, and this module is imported only when there is something to move.
"""

import io
import logging
import sqlite3
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path

import psycopg
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection, Engine, NullPool, create_engine

from headrace.server.store.migrate import VERSION_TABLE

_log = logging.getLogger(__name__)

Connect = Callable[[], "sqlite3.Connection | psycopg.Connection[object]"]


def sqlite_engine(path: Path) -> Engine:
    """An engine on a database file; each revision is one transaction."""

    def connect() -> sqlite3.Connection:
        # the modern transaction control: DDL belongs to the transaction too
        return sqlite3.connect(path, isolation_level="IMMEDIATE")

    return create_engine("sqlite+pysqlite://", creator=connect, poolclass=NullPool)


def postgresql_engine(conninfo: str) -> Engine:
    """An engine on a PostgreSQL database."""

    def connect() -> psycopg.Connection[tuple[object, ...]]:
        return psycopg.connect(conninfo)

    return create_engine("postgresql+psycopg://", creator=connect, poolclass=NullPool)


def upgrade(engine: Engine, revision: str = "head") -> None:
    """Bring the database forward to a revision, and say so: of a large one that takes minutes."""
    before = find_current(engine)
    if before is not None:
        _log.warning("The database is upgraded from schema version %s; please wait", before)
    with _connection(engine) as connection:
        command.upgrade(_config(connection=connection), revision)


def downgrade(engine: Engine, revision: str) -> None:
    """Take the database back to a revision; what the later ones added is lost."""
    with _connection(engine) as connection:
        command.downgrade(_config(connection=connection), revision)


def find_current(engine: Engine) -> str | None:
    """The revision of a database; none where there is no chain in it."""
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"version_table": VERSION_TABLE})
        return context.get_current_revision()


def upgrade_script(dialect: str, start: str, end: str = "head") -> str:
    """The SQL that an upgrade would run.

    Args:
        dialect: `sqlite` or `postgresql`.
        start: Revision of the database, or `base`.
        end: Revision to reach.
    """
    output = io.StringIO()
    config = _config(dialect=dialect, output=output)
    command.upgrade(config, f"{start}:{end}" if start != "base" else end, sql=True)
    return output.getvalue()


@contextmanager
def _connection(engine: Engine) -> Generator[Connection]:
    with engine.connect() as connection:
        if engine.dialect.name == "sqlite":
            # tables are rebuilt to change them; their references hold again at the end
            connection.exec_driver_sql("PRAGMA foreign_keys=OFF")
            connection.commit()
        yield connection
        connection.commit()


def _config(output: io.StringIO | None = None, **attributes: object) -> Config:
    config = Config(output_buffer=output) if output is not None else Config()
    config.set_main_option("script_location", str(Path(__file__).parent))
    config.attributes.update(attributes)
    return config
