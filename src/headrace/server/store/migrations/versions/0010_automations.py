"""Automations."""
# SQLAlchemy's plain type objects name no Python type
# pyright: reportUnknownArgumentType=false

import sqlalchemy as sa
from alembic import op

from headrace.server.store.schema import Id, Timestamp

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    """Apply it."""
    op.create_table(
        "automation",
        sa.Column("id", Id(), nullable=False),
        sa.Column("created", Timestamp(), nullable=False),
        sa.Column("updated", Timestamp(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("description", sa.Text(), server_default="", nullable=False),
        sa.Column("enabled", sa.Boolean(), server_default=sa.text("(true)"), nullable=False),
        sa.Column("tags", sa.Text(), server_default="[]", nullable=False),
        sa.Column("trigger", sa.Text(), nullable=False),
        sa.Column("actions", sa.Text(), nullable=False),
        sa.Column("actions_on_trigger", sa.Text(), server_default="[]", nullable=False),
        sa.Column("actions_on_resolve", sa.Text(), server_default="[]", nullable=False),
        sa.Column("owner_resource", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_automation")),
    )
    with op.batch_alter_table("automation", schema=None) as batch_op:
        batch_op.create_index("ix_automation__name", ["name"], unique=False)
        batch_op.create_index("ix_automation__owner_resource", ["owner_resource"], unique=False)

    op.create_table(
        "automation_resource",
        sa.Column("resource_id", sa.Text(), nullable=False),
        sa.Column("automation_id", Id(), nullable=False),
        sa.ForeignKeyConstraint(
            ["automation_id"],
            ["automation.id"],
            name=op.f("fk_automation_resource__automation_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint(
            "resource_id", "automation_id", name=op.f("pk_automation_resource")
        ),
    )
    with op.batch_alter_table("automation_resource", schema=None) as batch_op:
        batch_op.create_index(
            "ix_automation_resource__automation_id", ["automation_id"], unique=False
        )


def downgrade() -> None:
    """Take it back."""
    with op.batch_alter_table("automation_resource", schema=None) as batch_op:
        batch_op.drop_index("ix_automation_resource__automation_id")

    op.drop_table("automation_resource")
    with op.batch_alter_table("automation", schema=None) as batch_op:
        batch_op.drop_index("ix_automation__owner_resource")
        batch_op.drop_index("ix_automation__name")

    op.drop_table("automation")
