"""Task deliveries."""
# SQLAlchemy's plain type objects name no Python type
# pyright: reportUnknownArgumentType=false

import sqlalchemy as sa
from alembic import op

from headrace.server.store.schema import Id, Timestamp

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Apply it."""
    op.create_table(
        "task_worker",
        sa.Column("id", Id(), nullable=False),
        sa.Column("identifier", sa.Text(), nullable=False),
        sa.Column("task_keys", sa.Text(), nullable=False),
        sa.Column("timestamp", Timestamp(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_task_worker")),
    )
    op.create_table(
        "task_delivery",
        sa.Column("task_run_id", Id(), nullable=False),
        sa.Column("task_key", sa.Text(), nullable=False),
        sa.Column("created", Timestamp(), nullable=False),
        sa.Column("owner", Id(), nullable=True),
        sa.Column("expires", Timestamp(), nullable=True),
        sa.ForeignKeyConstraint(
            ["task_run_id"],
            ["task_run.id"],
            name=op.f("fk_task_delivery__task_run_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("task_run_id", name=op.f("pk_task_delivery")),
    )
    with op.batch_alter_table("task_delivery", schema=None) as batch_op:
        batch_op.create_index("ix_task_delivery__owner", ["owner"], unique=False)
        batch_op.create_index(
            "ix_task_delivery__task_key_created", ["task_key", "created"], unique=False
        )


def downgrade() -> None:
    """Take it back."""
    with op.batch_alter_table("task_delivery", schema=None) as batch_op:
        batch_op.drop_index("ix_task_delivery__task_key_created")
        batch_op.drop_index("ix_task_delivery__owner")

    op.drop_table("task_delivery")
    op.drop_table("task_worker")
