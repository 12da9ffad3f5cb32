"""Schedules: when each is looked at, and a copy of them where their deployment is read."""

import sqlalchemy as sa
from alembic import op

from headrace.server.store.schema import Json

revision = "0002"
down_revision = "0001"

_NOT_LATE = sa.text("state_name = 'Scheduled'")


def upgrade() -> None:
    """Apply it."""
    op.add_column("deployment", sa.Column("schedules", Json(), server_default="[]", nullable=False))
    op.execute("ALTER TABLE deployment_schedule RENAME COLUMN scheduled_until TO look_again")
    op.create_index(
        "ix_deployment_schedule__look_again",
        "deployment_schedule",
        ["look_again"],
        unique=False,
    )
    op.create_index(
        "ix_flow_run__late_from",
        "flow_run",
        ["next_scheduled_start_time"],
        unique=False,
        sqlite_where=_NOT_LATE,
        postgresql_where=_NOT_LATE,
    )


def downgrade() -> None:
    """Undo it."""
    op.drop_index("ix_flow_run__late_from", table_name="flow_run")
    op.drop_index("ix_deployment_schedule__look_again", table_name="deployment_schedule")
    op.execute("ALTER TABLE deployment_schedule RENAME COLUMN look_again TO scheduled_until")
    op.drop_column("deployment", "schedules")
