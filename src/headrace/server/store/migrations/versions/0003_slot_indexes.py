"""Slots are counted in an index alone; a queue's runs are found without a walk."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"

_LIVE = sa.text("state_type IN ('PENDING', 'RUNNING', 'CANCELLING')")
_COUNTED = {
    "ix_flow_run__live_in_queue": "work_queue_id",
    "ix_flow_run__live_of_deployment": "deployment_id",
}


def _replace(*, state_type: bool) -> None:
    for name, column in _COUNTED.items():
        op.drop_index(name, table_name="flow_run")
        columns = [column, "state_type"] if state_type else [column]
        op.create_index(
            name, "flow_run", columns, unique=False, sqlite_where=_LIVE, postgresql_where=_LIVE
        )


def upgrade() -> None:
    """Apply it."""
    _replace(state_type=True)
    op.create_index("ix_flow_run__work_queue_id", "flow_run", ["work_queue_id"], unique=False)


def downgrade() -> None:
    """Undo it."""
    op.drop_index("ix_flow_run__work_queue_id", table_name="flow_run")
    _replace(state_type=False)
