"""Indexes that lists of a large database are read from in order."""

from alembic import op

revision = "0011"
down_revision = "0010"

# table, the index before, the index from now on
_REPLACED = (
    (
        "flow_run",
        ("ix_flow_run__expected_start_time", ["expected_start_time"]),
        ("ix_flow_run__listed", ["expected_start_time", "name", "id"]),
    ),
    (
        "flow_run",
        ("ix_flow_run__deployment_id", ["deployment_id"]),
        ("ix_flow_run__listed_of_deployment", ["deployment_id", "expected_start_time", "id"]),
    ),
    (
        "flow_run",
        ("ix_flow_run__work_queue_id", ["work_queue_id"]),
        ("ix_flow_run__listed_of_queue", ["work_queue_id", "expected_start_time", "id"]),
    ),
    (
        "task_run",
        ("ix_task_run__state_type_state_timestamp", ["state_type", "state_timestamp"]),
        ("ix_task_run__listed_of_state", ["state_type", "expected_start_time"]),
    ),
)
_ADDED = (
    ("flow_run", "ix_flow_run__listed_of_state", ["state_type", "expected_start_time", "id"]),
    ("task_run", "ix_task_run__start_time", ["start_time", "state_type"]),
)


def upgrade() -> None:
    """Apply it."""
    for table, added, columns in _ADDED:
        op.create_index(added, table, columns, unique=False)
    for table, (before, _), (after, columns) in _REPLACED:
        op.create_index(after, table, columns, unique=False)
        op.drop_index(before, table_name=table)


def downgrade() -> None:
    """Take it back."""
    for table, (before, columns), (after, _) in _REPLACED:
        op.create_index(before, table, columns, unique=False)
        op.drop_index(after, table_name=table)
    for table, added, _ in _ADDED:
        op.drop_index(added, table_name=table)
