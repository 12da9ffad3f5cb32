"""Blocks."""
# SQLAlchemy's plain type objects name no Python type
# pyright: reportUnknownArgumentType=false

import sqlalchemy as sa
from alembic import op

from headrace.server.store.schema import Id, Timestamp

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    """Apply it."""
    op.create_table(
        "block_type",
        sa.Column("id", Id(), nullable=False),
        sa.Column("created", Timestamp(), nullable=False),
        sa.Column("updated", Timestamp(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("slug", sa.Text(), nullable=False),
        sa.Column("logo_url", sa.Text(), nullable=True),
        sa.Column("documentation_url", sa.Text(), nullable=True),
        sa.Column("description", sa.Text(), nullable=True),
        sa.Column("code_example", sa.Text(), nullable=True),
        sa.Column("is_protected", sa.Boolean(), server_default=sa.text("(false)"), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_block_type")),
        sa.UniqueConstraint("slug", name=op.f("uq_block_type__slug")),
    )
    op.create_table(
        "block_schema",
        sa.Column("id", Id(), nullable=False),
        sa.Column("created", Timestamp(), nullable=False),
        sa.Column("updated", Timestamp(), nullable=False),
        sa.Column("block_type_id", Id(), nullable=False),
        sa.Column("checksum", sa.Text(), nullable=False),
        sa.Column("fields", sa.Text(), nullable=False),
        sa.Column("capabilities", sa.Text(), server_default="[]", nullable=False),
        sa.Column("version", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["block_type_id"],
            ["block_type.id"],
            name=op.f("fk_block_schema__block_type_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_block_schema")),
        sa.UniqueConstraint("checksum", "version", name=op.f("uq_block_schema__checksum_version")),
    )
    with op.batch_alter_table("block_schema", schema=None) as batch_op:
        batch_op.create_index("ix_block_schema__block_type_id", ["block_type_id"], unique=False)

    op.create_table(
        "block_document",
        sa.Column("id", Id(), nullable=False),
        sa.Column("created", Timestamp(), nullable=False),
        sa.Column("updated", Timestamp(), nullable=False),
        sa.Column("block_type_id", Id(), nullable=False),
        sa.Column("block_schema_id", Id(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("is_anonymous", sa.Boolean(), server_default=sa.text("(false)"), nullable=False),
        sa.Column("data", sa.Text(), nullable=False),
        sa.Column("key_id", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["block_schema_id"],
            ["block_schema.id"],
            name=op.f("fk_block_document__block_schema_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["block_type_id"],
            ["block_type.id"],
            name=op.f("fk_block_document__block_type_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_block_document")),
        sa.UniqueConstraint(
            "block_type_id", "name", name=op.f("uq_block_document__block_type_id_name")
        ),
    )
    with op.batch_alter_table("block_document", schema=None) as batch_op:
        batch_op.create_index(
            "ix_block_document__block_schema_id", ["block_schema_id"], unique=False
        )
        batch_op.create_index("ix_block_document__key_id", ["key_id"], unique=False)

    op.create_table(
        "block_document_reference",
        sa.Column("id", Id(), nullable=False),
        sa.Column("created", Timestamp(), nullable=False),
        sa.Column("updated", Timestamp(), nullable=False),
        sa.Column("parent_id", Id(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("child_id", Id(), nullable=False),
        sa.ForeignKeyConstraint(
            ["child_id"],
            ["block_document.id"],
            name=op.f("fk_block_document_reference__child_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["parent_id"],
            ["block_document.id"],
            name=op.f("fk_block_document_reference__parent_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_block_document_reference")),
        sa.UniqueConstraint(
            "parent_id", "name", name=op.f("uq_block_document_reference__parent_id_name")
        ),
    )
    with op.batch_alter_table("block_document_reference", schema=None) as batch_op:
        batch_op.create_index("ix_block_document_reference__child_id", ["child_id"], unique=False)


def downgrade() -> None:
    """Take it back."""
    with op.batch_alter_table("block_document_reference", schema=None) as batch_op:
        batch_op.drop_index("ix_block_document_reference__child_id")

    op.drop_table("block_document_reference")
    with op.batch_alter_table("block_document", schema=None) as batch_op:
        batch_op.drop_index("ix_block_document__key_id")
        batch_op.drop_index("ix_block_document__block_schema_id")

    op.drop_table("block_document")
    with op.batch_alter_table("block_schema", schema=None) as batch_op:
        batch_op.drop_index("ix_block_schema__block_type_id")

    op.drop_table("block_schema")
    op.drop_table("block_type")
