"""Artifacts."""
# SQLAlchemy's plain type objects name no Python type
# pyright: reportUnknownArgumentType=false

import sqlalchemy as sa
from alembic import op

from headrace.server.store.schema import Id, Timestamp

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Apply it."""
    op.create_table(
        "artifact",
        sa.Column("id", Id(), nullable=False),
        sa.Column("created", Timestamp(), nullable=False),
        sa.Column("updated", Timestamp(), nullable=False),
        sa.Column("key", sa.Text(), nullable=True),
        sa.Column("type", sa.Text(), nullable=True),
        sa.Column("description", sa.Text(), nullable=True),
        sa.Column("data", sa.Text(), nullable=True),
        sa.Column("metadata_", sa.Text(), nullable=True),
        sa.Column("flow_run_id", Id(), nullable=True),
        sa.Column("task_run_id", Id(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_artifact")),
    )
    with op.batch_alter_table("artifact", schema=None) as batch_op:
        batch_op.create_index("ix_artifact__flow_run_id", ["flow_run_id"], unique=False)
        batch_op.create_index("ix_artifact__key_created", ["key", "created"], unique=False)
        batch_op.create_index("ix_artifact__task_run_id", ["task_run_id"], unique=False)

    op.create_table(
        "artifact_collection",
        sa.Column("id", Id(), nullable=False),
        sa.Column("created", Timestamp(), nullable=False),
        sa.Column("updated", Timestamp(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("latest_id", Id(), nullable=True),
        sa.ForeignKeyConstraint(
            ["latest_id"],
            ["artifact.id"],
            name=op.f("fk_artifact_collection__latest_id"),
            ondelete="SET NULL",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_artifact_collection")),
        sa.UniqueConstraint("key", name=op.f("uq_artifact_collection__key")),
    )
    with op.batch_alter_table("artifact_collection", schema=None) as batch_op:
        batch_op.create_index("ix_artifact_collection__latest_id", ["latest_id"], unique=False)


def downgrade() -> None:
    """Take it back."""
    with op.batch_alter_table("artifact_collection", schema=None) as batch_op:
        batch_op.drop_index("ix_artifact_collection__latest_id")

    op.drop_table("artifact_collection")
    with op.batch_alter_table("artifact", schema=None) as batch_op:
        batch_op.drop_index("ix_artifact__task_run_id")
        batch_op.drop_index("ix_artifact__key_created")
        batch_op.drop_index("ix_artifact__flow_run_id")

    op.drop_table("artifact")
