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
    ReadBlockDocumentsBody,
    ReadBlockSchemasBody,
    ReadBlockTypesBody,
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


def list_block_types(client: Client, body: ReadBlockTypesBody) -> list[BlockType]:
    """Types that pass the filter."""
    return client.call(
        "POST", "/block_types/filter", body, answer=list[BlockType], is_idempotent=True
    )


def delete_block_type(client: Client, type_id: UUID) -> None:
    """Remove a type with its schemas and documents."""
    client.call("DELETE", f"/block_types/{type_id}")


def list_block_schemas(client: Client, body: ReadBlockSchemasBody) -> list[BlockSchema]:
    """Schemas that pass the filter, the newest first."""
    return client.call(
        "POST", "/block_schemas/filter", body, answer=list[BlockSchema], is_idempotent=True
    )


def create_block_schema(client: Client, body: BlockSchemaCreate) -> BlockSchema:
    """The schema of these fields and this version, made or found."""
    return client.call("POST", "/block_schemas/", body, answer=BlockSchema, is_idempotent=True)


def create_block_document(client: Client, body: BlockDocumentCreate) -> BlockDocument:
    """A new document.

    Raises:
        ObjectAlreadyExists: There is a document of this name and type.
    """
    return client.call("POST", "/block_documents/", body, answer=BlockDocument)


def list_block_documents(client: Client, body: ReadBlockDocumentsBody) -> list[BlockDocument]:
    """Documents that pass the filter; secrets are masked unless the body asks for them."""
    return client.call(
        "POST", "/block_documents/filter", body, answer=list[BlockDocument], is_idempotent=True
    )


def read_block_document(
    client: Client, document_id: UUID, *, include_secrets: bool = True
) -> BlockDocument:
    """A document by its id."""
    path = f"/block_documents/{document_id}{_secrets(include_secrets)}"
    return client.call("GET", path, answer=BlockDocument)


def read_block_document_by_name(
    client: Client, slug: str, name: str, *, include_secrets: bool = True
) -> BlockDocument:
    """A document by its type's slug and its name."""
    path = f"/block_types/slug/{segment(slug)}/block_documents/name/{segment(name)}"
    return client.call("GET", f"{path}{_secrets(include_secrets)}", answer=BlockDocument)


def _secrets(are_included: bool) -> str:  # read at both calls above
    return "?include_secrets=true" if are_included else ""


def update_block_document(client: Client, document_id: UUID, body: BlockDocumentUpdate) -> None:
    """Change a document."""
    client.call("PATCH", f"/block_documents/{document_id}", body)


def delete_block_document(client: Client, document_id: UUID) -> None:
    """Remove a document."""
    client.call("DELETE", f"/block_documents/{document_id}")
