"""What a schedule does about missed times, and up to which date its runs were made."""

import sqlalchemy as sa
from alembic import op

from headrace.server.store.schema import Json, Timestamp

revision = "0019"
down_revision = "0018"


def upgrade() -> None:
    """Apply it."""
    op.add_column("deployment_schedule", sa.Column("misfire", Json(), nullable=True))
    op.add_column("deployment_schedule", sa.Column("planned_to", Timestamp(), nullable=True))


def downgrade() -> None:
    """Undo it."""
    op.drop_column("deployment_schedule", "planned_to")
    op.drop_column("deployment_schedule", "misfire")
