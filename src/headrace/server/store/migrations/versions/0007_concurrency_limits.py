"""Concurrency limits."""
# SQLAlchemy's plain type objects name no Python type
# pyright: reportUnknownArgumentType=false

import sqlalchemy as sa
from alembic import op

from headrace.server.store.schema import Id, Timestamp

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    """Apply it."""
    op.create_table(
        "concurrency_lease",
        sa.Column("id", Id(), nullable=False),
        sa.Column("created", Timestamp(), nullable=False),
        sa.Column("updated", Timestamp(), nullable=False),
        sa.Column("slots", sa.Integer(), nullable=False),
        sa.Column("expires", Timestamp(), nullable=True),
        sa.Column("holder_type", sa.Text(), nullable=True),
        sa.Column("holder_id", Id(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_concurrency_lease")),
    )
    with op.batch_alter_table("concurrency_lease", schema=None) as batch_op:
        batch_op.create_index("ix_concurrency_lease__expires", ["expires"], unique=False)
        batch_op.create_index("ix_concurrency_lease__holder_id", ["holder_id"], unique=False)

    op.create_table(
        "concurrency_limit",
        sa.Column("id", Id(), nullable=False),
        sa.Column("created", Timestamp(), nullable=False),
        sa.Column("updated", Timestamp(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("limit", sa.Integer(), nullable=False),
        sa.Column("active", sa.Boolean(), server_default=sa.text("(true)"), nullable=False),
        sa.Column("slot_decay_per_second", sa.Float(), server_default="0", nullable=False),
        sa.Column("avg_slot_occupancy_seconds", sa.Float(), server_default="2", nullable=False),
        sa.Column("denied_slots", sa.Integer(), server_default="0", nullable=False),
        sa.Column("taken", sa.Float(), server_default="0", nullable=False),
        sa.Column("taken_at", Timestamp(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_concurrency_limit")),
        sa.UniqueConstraint("name", name=op.f("uq_concurrency_limit__name")),
    )
    op.create_table(
        "concurrency_slot",
        sa.Column("id", Id(), nullable=False),
        sa.Column("created", Timestamp(), nullable=False),
        sa.Column("updated", Timestamp(), nullable=False),
        sa.Column("lease_id", Id(), nullable=False),
        sa.Column("limit_id", Id(), nullable=False),
        sa.ForeignKeyConstraint(
            ["lease_id"],
            ["concurrency_lease.id"],
            name=op.f("fk_concurrency_slot__lease_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["limit_id"],
            ["concurrency_limit.id"],
            name=op.f("fk_concurrency_slot__limit_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_concurrency_slot")),
    )
    with op.batch_alter_table("concurrency_slot", schema=None) as batch_op:
        batch_op.create_index("ix_concurrency_slot__lease_id", ["lease_id"], unique=False)
        batch_op.create_index("ix_concurrency_slot__limit_id", ["limit_id"], unique=False)


def downgrade() -> None:
    """Take it back."""
    with op.batch_alter_table("concurrency_slot", schema=None) as batch_op:
        batch_op.drop_index("ix_concurrency_slot__limit_id")
        batch_op.drop_index("ix_concurrency_slot__lease_id")

    op.drop_table("concurrency_slot")
    op.drop_table("concurrency_limit")
    with op.batch_alter_table("concurrency_lease", schema=None) as batch_op:
        batch_op.drop_index("ix_concurrency_lease__holder_id")
        batch_op.drop_index("ix_concurrency_lease__expires")

    op.drop_table("concurrency_lease")
