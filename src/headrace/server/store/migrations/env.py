"""What Alembic runs to reach a database: `runner.py` hands it a connection, or a dialect for SQL."""

from alembic import context
from sqlalchemy import Connection

from headrace.server.store.migrate import VERSION_TABLE
from headrace.server.store.schema import metadata

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
    )

with context.begin_transaction():
    context.run_migrations()
