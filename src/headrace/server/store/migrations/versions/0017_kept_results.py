"""A task run's kept result has a key of its own: the key that the run was made with stays what it is."""

import sqlalchemy as sa
from alembic import op

from headrace.server.store.schema.columns import Timestamp

revision = "0017"
down_revision = "0016"

_OLD = "ix_task_run__cache_key"
_NEW = "ix_task_run__kept_key"


def upgrade() -> None:
    """Apply it."""
    op.add_column("task_run", sa.Column("kept_key", sa.Text(), nullable=True))
    op.add_column("task_run", sa.Column("kept_expiration", Timestamp(), nullable=True))
    op.execute(
        "UPDATE task_run SET kept_key = cache_key, kept_expiration = cache_expiration "
        "WHERE cache_key IS NOT NULL AND state_type = 'COMPLETED'"
    )
    op.drop_index(_OLD, table_name="task_run")
    _index(_NEW, "kept_key")


def downgrade() -> None:
    """Take it back."""
    op.execute(
        "UPDATE task_run SET cache_key = kept_key, cache_expiration = kept_expiration "
        "WHERE kept_key IS NOT NULL"
    )
    op.drop_index(_NEW, table_name="task_run")
    _index(_OLD, "cache_key")
    op.drop_column("task_run", "kept_expiration")
    op.drop_column("task_run", "kept_key")


def _index(name: str, column: str) -> None:
    where = sa.text(f"{column} IS NOT NULL")
    op.create_index(name, "task_run", [column], sqlite_where=where, postgresql_where=where)
