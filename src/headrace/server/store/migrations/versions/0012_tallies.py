"""Tallies of runs that are over, by hour and state; and orders by time that PostgreSQL reads from indexes."""
# SQLAlchemy's plain type objects name no Python type
# pyright: reportUnknownArgumentType=false

import sqlalchemy as sa
from alembic import op

from headrace.server.store.schema import Timestamp
from headrace.server.store.tally_triggers import (
    TALLIED,
    creation_of_triggers,
    filling_of_tallies,
    removal_of_triggers,
)

revision = "0012"
down_revision = "0011"

# PostgreSQL only: lists have what has no time yet at their end, and an index must say so too.
_NEWEST_FIRST = (
    ("flow_run", "ix_flow_run__start_time", "start_time"),
    ("flow_run", "ix_flow_run__end_time", "end_time"),
    ("task_run", "ix_task_run__end_time", "end_time"),
)


def upgrade() -> None:
    """Apply it."""
    for table in TALLIED:
        op.create_table(
            f"{table}_tally",
            sa.Column("hour", Timestamp(), nullable=False),
            sa.Column("state_type", sa.Text(), nullable=False),
            sa.Column("state_name", sa.Text(), nullable=False),
            sa.Column("slot", sa.Integer(), autoincrement=False, nullable=False),
            sa.Column("runs", sa.BigInteger(), nullable=False),
            sa.Column("run_time", sa.BigInteger(), nullable=False),
            sa.Column("lateness", sa.BigInteger(), nullable=False),
            sa.PrimaryKeyConstraint(
                "hour", "state_type", "state_name", "slot", name=op.f(f"pk_{table}_tally")
            ),
            sqlite_with_rowid=False,
        )
    dialect = op.get_context().dialect
    for statement in (*filling_of_tallies(dialect), *creation_of_triggers(dialect)):
        op.execute(statement)
    if dialect.name == "postgresql":
        for table, name, column in _NEWEST_FIRST:
            op.drop_index(name, table_name=table)
            op.create_index(name, table, [sa.text(f"{column} DESC NULLS LAST")])


def downgrade() -> None:
    """Take it back."""
    dialect = op.get_context().dialect
    if dialect.name == "postgresql":
        for table, name, column in _NEWEST_FIRST:
            op.drop_index(name, table_name=table)
            op.create_index(name, table, [column])
    for statement in removal_of_triggers(dialect):
        op.execute(statement)
    for table in TALLIED:
        op.drop_table(f"{table}_tally")
