"""Bundles."""
# SQLAlchemy's plain type objects name no Python type
# pyright: reportUnknownArgumentType=false

import sqlalchemy as sa
from alembic import op

from headrace.server.store.schema import Id, Timestamp

revision = "0015"
down_revision = "0014"


def upgrade() -> None:
    """Apply it."""
    op.create_table(
        "bundle",
        sa.Column("id", Id(), nullable=False),
        sa.Column("created", Timestamp(), nullable=False),
        sa.Column("updated", Timestamp(), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("is_complete", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_bundle")),
    )
    op.create_table(
        "bundle_piece",
        sa.Column("bundle_id", Id(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("content", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["bundle_id"],
            ["bundle.id"],
            name=op.f("fk_bundle_piece__bundle_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("bundle_id", "number", name=op.f("pk_bundle_piece")),
    )
    with op.batch_alter_table("bundle", schema=None) as batch_op:
        batch_op.create_index("ix_bundle__sha256", ["sha256"], unique=False)


def downgrade() -> None:
    """Take it back."""
    with op.batch_alter_table("bundle", schema=None) as batch_op:
        batch_op.drop_index("ix_bundle__sha256")

    op.drop_table("bundle_piece")
    op.drop_table("bundle")
