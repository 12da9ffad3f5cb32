"""Wire objects of blocks: types, schemas and documents."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any
from uuid import UUID

from msgspec import UNSET, Meta, UnsetType, field

from headrace.wire.filters import Operator
from headrace.wire.objects import Strict, Wire

Name = Annotated[str, Meta(pattern="^[^/%&><]+$")]


class BlockType(Wire, kw_only=True):
    code_example: str | None = None
    created: datetime | None
    description: str | None = None
    documentation_url: str | None = None
    id: UUID
    is_protected: bool = False
    logo_url: str | None = None
    name: Name
    slug: str
    updated: datetime | None


class BlockTypeCreate(Strict, kw_only=True):
    code_example: str | None = None
    description: str | None = None
    documentation_url: str | None = None
    logo_url: str | None = None
    name: Name
    slug: str


class BlockTypeUpdate(Strict, kw_only=True):
    code_example: str | None | UnsetType = UNSET
    description: str | None | UnsetType = UNSET
    documentation_url: str | None | UnsetType = UNSET
    logo_url: str | None | UnsetType = UNSET


class BlockSchema(Wire, kw_only=True):
    block_type: BlockType | None = None
    block_type_id: UUID | None
    capabilities: list[str] = []
    checksum: str
    created: datetime | None
    fields: dict[str, Any] = {}
    id: UUID
    updated: datetime | None
    version: str = "non-versioned"


class BlockSchemaCreate(Strict, kw_only=True):
    block_type_id: UUID
    capabilities: list[str] = []
    fields: dict[str, Any] = {}
    version: str = "non-versioned"


class BlockDocument(Wire, kw_only=True):
    block_document_references: dict[str, dict[str, Any]] = {}
    block_schema: BlockSchema | None = None
    block_schema_id: UUID
    block_type: BlockType | None = None
    block_type_id: UUID
    block_type_name: str | None = None
    created: datetime | None
    data: dict[str, Any] = {}
    id: UUID
    is_anonymous: bool = False
    name: Name | None = None
    updated: datetime | None


class BlockDocumentCreate(Strict, kw_only=True):
    block_schema_id: UUID
    block_type_id: UUID
    data: dict[str, Any] = {}
    is_anonymous: bool = False
    name: Name | None = None


class BlockDocumentUpdate(Strict, kw_only=True):
    block_schema_id: UUID | None | UnsetType = UNSET
    data: dict[str, Any] | UnsetType = UNSET
    merge_existing_data: bool = True


class BlockTypeFilterName(Strict, kw_only=True):
    like_: str | None = None


class BlockTypeFilterSlug(Strict, kw_only=True):
    any_: list[str] | None = None


class BlockTypeFilter(Strict, kw_only=True):
    name: BlockTypeFilterName | None = None
    slug: BlockTypeFilterSlug | None = None


class BlockSchemaFilterBlockTypeId(Strict, kw_only=True):
    any_: list[UUID] | None = None


class BlockSchemaFilterCapabilities(Strict, kw_only=True):
    all_: list[str] | None = None


class BlockSchemaFilterId(Strict, kw_only=True):
    any_: list[UUID] | None = None


class BlockSchemaFilterVersion(Strict, kw_only=True):
    any_: list[str] | None = None


class BlockSchemaFilter(Strict, kw_only=True):
    block_capabilities: BlockSchemaFilterCapabilities | None = None
    block_type_id: BlockSchemaFilterBlockTypeId | None = None
    id: BlockSchemaFilterId | None = None
    operator: Operator = Operator.AND
    version: BlockSchemaFilterVersion | None = None


class BlockDocumentFilterBlockTypeId(Strict, kw_only=True):
    any_: list[UUID] | None = None


class BlockDocumentFilterId(Strict, kw_only=True):
    any_: list[UUID] | None = None


class BlockDocumentFilterIsAnonymous(Strict, kw_only=True):
    eq_: bool | None = None


class BlockDocumentFilterName(Strict, kw_only=True):
    any_: list[str] | None = None
    like_: str | None = None


class BlockDocumentFilter(Strict, kw_only=True):
    block_type_id: BlockDocumentFilterBlockTypeId | None = None
    id: BlockDocumentFilterId | None = None
    is_anonymous: BlockDocumentFilterIsAnonymous | None = field(
        default_factory=lambda: BlockDocumentFilterIsAnonymous(eq_=False)
    )
    name: BlockDocumentFilterName | None = None
    operator: Operator = Operator.AND


class BlockDocumentSort(StrEnum):
    NAME_DESC = "NAME_DESC"
    NAME_ASC = "NAME_ASC"
    BLOCK_TYPE_AND_NAME_ASC = "BLOCK_TYPE_AND_NAME_ASC"


class ReadBlockTypesBody(Wire, kw_only=True):
    block_schemas: BlockSchemaFilter | None = None
    block_types: BlockTypeFilter | None = None
    limit: int | UnsetType = UNSET
    offset: Annotated[int, Meta(ge=0)] = 0


class ReadBlockSchemasBody(Wire, kw_only=True):
    block_schemas: BlockSchemaFilter | None = None
    limit: int | UnsetType = UNSET
    offset: Annotated[int, Meta(ge=0)] = 0


class ReadBlockDocumentsBody(Wire, kw_only=True):
    block_documents: BlockDocumentFilter | None = None
    block_schemas: BlockSchemaFilter | None = None
    block_types: BlockTypeFilter | None = None
    include_secrets: bool = False
    limit: int | UnsetType = UNSET
    offset: Annotated[int, Meta(ge=0)] = 0
    sort: BlockDocumentSort | None = BlockDocumentSort.NAME_ASC


class CountBlockDocumentsBody(Wire, kw_only=True):
    block_documents: BlockDocumentFilter | None = None
    block_schemas: BlockSchemaFilter | None = None
    block_types: BlockTypeFilter | None = None
