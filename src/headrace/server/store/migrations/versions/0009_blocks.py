"""Block types, schemas and documents."""
# SQLAlchemy's plain type objects name no Python type
# pyright: reportUnknownArgumentType=false

import sqlalchemy as sa
from alembic import op

from headrace.server.store.schema import Id, Timestamp

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    """Apply it."""
    _create_types()
    _create_schemas()
    _create_documents()
    _create_references()


def _kept() -> list[sa.Column[str]]:
    return [
        sa.Column("id", Id(), nullable=False),
        sa.Column("created", Timestamp(), nullable=False),
        sa.Column("updated", Timestamp(), nullable=False),
    ]


def _belongs(table: str, column: str, to: str) -> sa.ForeignKeyConstraint:
    name = op.f(f"fk_{table}__{column}")
    return sa.ForeignKeyConstraint([column], [f"{to}.id"], name=name, ondelete="CASCADE")


def _create_types() -> None:
    op.create_table(
        "block_type",
        *_kept(),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("slug", sa.Text(), nullable=False),
        sa.Column("logo_url", sa.Text()),
        sa.Column("documentation_url", sa.Text()),
        sa.Column("description", sa.Text()),
        sa.Column("code_example", sa.Text()),
        sa.Column("is_protected", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_block_type")),
        sa.UniqueConstraint("slug", name=op.f("uq_block_type__slug")),
    )


def _create_schemas() -> None:
    op.create_table(
        "block_schema",
        *_kept(),
        sa.Column("block_type_id", Id(), nullable=False),
        sa.Column("checksum", sa.Text(), nullable=False),
        sa.Column("fields", sa.Text(), server_default="{}", nullable=False),
        sa.Column("capabilities", sa.Text(), server_default="[]", nullable=False),
        sa.Column("version", sa.Text(), nullable=False),
        _belongs("block_schema", "block_type_id", "block_type"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_block_schema")),
        sa.UniqueConstraint("checksum", "version", name=op.f("uq_block_schema__checksum_version")),
    )
    op.create_index("ix_block_schema__block_type_id", "block_schema", ["block_type_id"])


def _create_documents() -> None:
    op.create_table(
        "block_document",
        *_kept(),
        sa.Column("block_type_id", Id(), nullable=False),
        sa.Column("block_schema_id", Id(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("is_anonymous", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("sealed_data", sa.Text(), nullable=False),
        _belongs("block_document", "block_type_id", "block_type"),
        _belongs("block_document", "block_schema_id", "block_schema"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_block_document")),
        sa.UniqueConstraint(
            "block_type_id", "name", name=op.f("uq_block_document__block_type_id_name")
        ),
    )
    op.create_index("ix_block_document__block_schema_id", "block_document", ["block_schema_id"])
    op.create_index("ix_block_document__name", "block_document", ["name"])


def _create_references() -> None:
    op.create_table(
        "block_document_reference",
        sa.Column("parent_id", Id(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("child_id", Id(), nullable=False),
        _belongs("block_document_reference", "parent_id", "block_document"),
        _belongs("block_document_reference", "child_id", "block_document"),
        sa.PrimaryKeyConstraint("parent_id", "name", name=op.f("pk_block_document_reference")),
    )
    op.create_index(
        "ix_block_document_reference__child_id", "block_document_reference", ["child_id"]
    )


def downgrade() -> None:
    """Take it back."""
    op.drop_table("block_document_reference")
    op.drop_table("block_document")
    op.drop_table("block_schema")
    op.drop_table("block_type")
