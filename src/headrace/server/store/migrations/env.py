"""What Alembic runs to reach a database: `runner.py` hands it a connection, or a dialect for SQL."""

import logging

from alembic import context
from alembic.runtime.migration import MigrationContext, MigrationInfo
from sqlalchemy import Connection

from headrace.server.store.migrate import VERSION_TABLE
from headrace.server.store.schema import metadata

_log = logging.getLogger(__name__)


def _report(ctx: MigrationContext, step: MigrationInfo, heads: object, run_args: object) -> None:
    """One line for each revision, when it is done: of a large database each may take minutes."""
    del ctx, heads, run_args
    done = "is reached" if step.is_upgrade else "is taken back"
    _log.warning("Schema version %s %s", step.up_revision_id, done)


connection: Connection | None = context.config.attributes.get("connection")

if connection is None:  # SQL to read, not to run
    context.configure(
        dialect_name=context.config.attributes["dialect"],
        target_metadata=metadata,
        version_table=VERSION_TABLE,
        literal_binds=True,
    )
else:
    context.configure(
        connection=connection,
        target_metadata=metadata,
        version_table=VERSION_TABLE,
        render_as_batch=connection.dialect.name == "sqlite",
        on_version_apply=_report,
    )

with context.begin_transaction():
    context.run_migrations()
