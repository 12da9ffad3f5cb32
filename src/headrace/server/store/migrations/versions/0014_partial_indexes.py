"""Indexes of flow runs for those that they can find: a run that is made pays for fewer."""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"

# name, columns, and the condition that it has from now on
_NARROWED = (
    ("ix_flow_run__listed_of_deployment", ["deployment_id", "expected_start_time", "id"]),
    ("ix_flow_run__listed_of_queue", ["work_queue_id", "expected_start_time", "id"]),
    ("ix_flow_run__parent_task_run_id", ["parent_task_run_id"]),
)
_OVER = "state_type IN ('COMPLETED', 'FAILED', 'CANCELLED', 'CRASHED')"
_BEFORE = ("ix_flow_run__state_type_state_timestamp", ["state_type", "state_timestamp"])
_AFTER = ("ix_flow_run__ended", ["state_timestamp"])


def _create_partial(name: str, columns: list[str], condition: str) -> None:
    where = sa.text(condition)
    op.create_index(name, "flow_run", columns, sqlite_where=where, postgresql_where=where)


def upgrade() -> None:
    """Apply it."""
    for name, columns in _NARROWED:
        op.drop_index(name, table_name="flow_run")
        _create_partial(name, columns, f"{columns[0]} IS NOT NULL")
    _create_partial(*_AFTER, _OVER)
    op.drop_index(_BEFORE[0], table_name="flow_run")


def downgrade() -> None:
    """Take it back."""
    op.create_index(_BEFORE[0], "flow_run", _BEFORE[1])
    op.drop_index(_AFTER[0], table_name="flow_run")
    for name, columns in _NARROWED:
        op.drop_index(name, table_name="flow_run")
        op.create_index(name, "flow_run", columns)
