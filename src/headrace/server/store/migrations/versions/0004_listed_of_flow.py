"""One index for what is listed of a flow."""

from alembic import op

revision = "0004"
down_revision = "0003"

COLUMNS = ["flow_id", "state_type", "expected_start_time", "start_time", "name", "id"]


def upgrade() -> None:
    """Apply it."""
    op.create_index("ix_flow_run__listed_of_flow", "flow_run", COLUMNS, unique=False)
    op.drop_index("ix_flow_run__flow_id_start_time", table_name="flow_run")


def downgrade() -> None:
    """Take it back."""
    op.create_index(
        "ix_flow_run__flow_id_start_time", "flow_run", ["flow_id", "start_time"], unique=False
    )
    op.drop_index("ix_flow_run__listed_of_flow", table_name="flow_run")
