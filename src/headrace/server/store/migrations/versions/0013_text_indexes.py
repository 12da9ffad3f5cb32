"""Indexes of pieces of text on PostgreSQL, where it has its extension for them."""

from alembic import op

from headrace.server.store.text_indexes import creation_of_text_indexes, removal_of_text_indexes

revision = "0013"
down_revision = "0012"


def upgrade() -> None:
    """Apply it."""
    for statement in creation_of_text_indexes(op.get_context().dialect):
        op.execute(statement)


def downgrade() -> None:
    """Take it back."""
    for statement in removal_of_text_indexes(op.get_context().dialect):
        op.execute(statement)
