"""Which pieces of text occur in which lines of logs; names of task runs in the order of lists."""
# SQLAlchemy's plain type objects name no Python type
# pyright: reportUnknownArgumentType=false

import sqlalchemy as sa
from alembic import op

from headrace.server.store.schema import Id

revision = "0018"
down_revision = "0017"

# An index of the runs that are over alone is not used: what seeks them names their states, and SQLite
# would rather walk all task runs.
_ENDED = ("ix_flow_run__ended", ["state_timestamp"])
_OVER = sa.text("state_type IN ('COMPLETED', 'FAILED', 'CANCELLED', 'CRASHED')")
_BY_STATE = ("ix_flow_run__state_type_state_timestamp", ["state_type", "state_timestamp"])


def upgrade() -> None:
    """Apply it. The lines that are there are looked through in the background."""
    op.create_table(
        "log_stretch",
        sa.Column("last_id", Id(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("blocks", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("last_id", name=op.f("pk_log_stretch")),
    )
    op.create_table(
        "log_piece",
        sa.Column("stretch", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("bucket", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("blocks", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("stretch", "bucket", name=op.f("pk_log_piece")),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_task_run__listed", "task_run", ["expected_start_time", "name", "id"])
    op.drop_index("ix_task_run__expected_start_time", table_name="task_run")
    op.create_index(_BY_STATE[0], "flow_run", _BY_STATE[1])
    op.drop_index(_ENDED[0], table_name="flow_run")


def downgrade() -> None:
    """Take it back."""
    op.create_index(_ENDED[0], "flow_run", _ENDED[1], sqlite_where=_OVER, postgresql_where=_OVER)
    op.drop_index(_BY_STATE[0], table_name="flow_run")
    op.create_index("ix_task_run__expected_start_time", "task_run", ["expected_start_time"])
    op.drop_index("ix_task_run__listed", table_name="task_run")
    op.drop_table("log_piece")
    op.drop_table("log_stretch")
