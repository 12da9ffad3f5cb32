"""Block types, schemas and documents."""

from __future__ import annotations

from uuid import UUID

from headrace.client.http import Client
from headrace.client.requests import segment
from headrace.wire.blocks import (
    BlockDocument,
    BlockDocumentCreate,
    BlockDocumentUpdate,
    BlockSchema,
    BlockSchemaCreate,
    BlockType,
    BlockTypeCreate,
    BlockTypeUpdate,
)


def create_block_type(client: Client, body: BlockTypeCreate) -> BlockType:
    """A new type.

    Raises:
        ObjectAlreadyExists: There is a type of this slug.
    """
    return client.call("POST", "/block_types/", body, answer=BlockType)


def read_block_type_by_slug(client: Client, slug: str) -> BlockType:
    """A type by its slug."""
    return client.call("GET", f"/block_types/slug/{segment(slug)}", answer=BlockType)


def update_block_type(client: Client, type_id: UUID, body: BlockTypeUpdate) -> None:
    """Change what is said about a type; fields left UNSET stay."""
    client.call("PATCH", f"/block_types/{type_id}", body)


def create_block_schema(client: Client, body: BlockSchemaCreate) -> BlockSchema:
    """The schema of these fields and this version, made or found."""
    return client.call("POST", "/block_schemas/", body, answer=BlockSchema, is_idempotent=True)


def create_block_document(client: Client, body: BlockDocumentCreate) -> BlockDocument:
    """A new document.

    Raises:
        ObjectAlreadyExists: There is a document of this name and type.
    """
    return client.call("POST", "/block_documents/", body, answer=BlockDocument)


def read_block_document(client: Client, document_id: UUID) -> BlockDocument:
    """A document by its id, with its secrets."""
    path = f"/block_documents/{document_id}?include_secrets=true"
    return client.call("GET", path, answer=BlockDocument)


def read_block_document_by_name(client: Client, slug: str, name: str) -> BlockDocument:
    """A document by its type's slug and its name, with its secrets."""
    path = f"/block_types/slug/{segment(slug)}/block_documents/name/{segment(name)}"
    return client.call("GET", f"{path}?include_secrets=true", answer=BlockDocument)


def update_block_document(client: Client, document_id: UUID, body: BlockDocumentUpdate) -> None:
    """Change a document."""
    client.call("PATCH", f"/block_documents/{document_id}", body)


def delete_block_document(client: Client, document_id: UUID) -> None:
    """Remove a document."""
    client.call("DELETE", f"/block_documents/{document_id}")
