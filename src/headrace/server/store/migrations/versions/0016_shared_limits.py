"""Limits that deployments share."""

import sqlalchemy as sa
from alembic import op

from headrace.server.store.schema import Id

revision = "0016"
down_revision = "0015"


def upgrade() -> None:
    """Apply it."""
    op.add_column("deployment", sa.Column("shared_limit_id", Id(), nullable=True))
    op.create_index("ix_deployment__shared_limit_id", "deployment", ["shared_limit_id"])


def downgrade() -> None:
    """Take it back."""
    op.drop_index("ix_deployment__shared_limit_id", table_name="deployment")
    op.drop_column("deployment", "shared_limit_id")
