"""HTTP of blocks: their types, schemas and documents."""

from headrace.server.api.lists import choose_limit
from headrace.server.api.operations import Answer, Call, Operations
from headrace.server.services import block_types
from headrace.server.services.system_blocks import install_system_blocks
from headrace.server.store import blocks as sql
from headrace.wire.blocks import (
    BlockDocument,
    BlockDocumentCreate,
    BlockDocumentUpdate,
    BlockSchema,
    BlockSchemaCreate,
    BlockType,
    BlockTypeCreate,
    BlockTypeUpdate,
    CountBlockDocumentsBody,
    ReadBlockDocumentsBody,
    ReadBlockSchemasBody,
    ReadBlockTypesBody,
)
from headrace.wire.decode import encode

operations = Operations("blocks")

# Whether a block is answered with its secrets.
_SECRETS = {"include_secrets": bool}

# Types


@operations.post("/block_types/", BlockTypeCreate, returns=BlockType, status=201)
async def create_block_type(call: Call[BlockTypeCreate]) -> bytes:
    """Make a block type."""
    return sql.TYPE.encode(
        await block_types.create_type(call.services.database, call.services.signals, call.body)
    )


@operations.get("/block_types/{id:uuid}", returns=BlockType)
async def read_block_type(call: Call[None]) -> bytes:
    """Read a block type."""
    key = call.path["id"]
    return sql.TYPE.encode(await block_types.read_type(call.services.database, key=key))


@operations.get("/block_types/slug/{slug}", returns=BlockType)
async def read_block_type_by_slug(call: Call[None]) -> bytes:
    """Read a block type by its slug."""
    slug = call.path["slug"]
    return sql.TYPE.encode(await block_types.read_type(call.services.database, slug=slug))


@operations.post("/block_types/filter", ReadBlockTypesBody, returns=list[BlockType])
async def read_block_types(call: Call[ReadBlockTypesBody]) -> bytes:
    """List block types."""
    body = call.body
    rows = await block_types.list_types(
        call.services.database,
        body.block_types,
        body.block_schemas,
        limit=choose_limit(call.services.config, body.limit),
        offset=body.offset,
    )
    return sql.TYPE.encode_list(rows)


@operations.patch("/block_types/{id:uuid}", BlockTypeUpdate)
async def update_block_type(call: Call[BlockTypeUpdate]) -> None:
    """Change a block type."""
    await block_types.update_type(
        call.services.database, call.services.signals, call.path["id"], call.body
    )


@operations.delete("/block_types/{id:uuid}")
async def delete_block_type(call: Call[None]) -> None:
    """Delete a block type with its blocks."""
    await block_types.delete_type(call.services.database, call.services.signals, call.path["id"])


@operations.post_empty("/block_types/install_system_block_types")
async def install_system_block_types(call: Call[None]) -> bytes:
    """Put the block types of the installation in place, where they are missing."""
    await install_system_blocks(call.services.database)
    return b"null"


# Schemas


@operations.post("/block_schemas/", BlockSchemaCreate, returns=BlockSchema, also=(201,))
async def create_block_schema(call: Call[BlockSchemaCreate]) -> Answer:
    """Make a block schema, or find the one of these fields and this version."""
    row, made = await block_types.create_schema(call.services.database, call.body)
    return Answer(201 if made else 200, encode(sql.schema_of(row)))


@operations.get("/block_schemas/{id:uuid}", returns=BlockSchema)
async def read_block_schema(call: Call[None]) -> bytes:
    """Read a block schema."""
    row = await block_types.read_schema(call.services.database, call.path["id"])
    return encode(sql.schema_of(row))


@operations.get(
    "/block_schemas/checksum/{checksum}",
    returns=BlockSchema,
    parameters={"version": str | None},
    optional=("version",),
)
async def read_block_schema_by_checksum(call: Call[None]) -> bytes:
    """Read a block schema by its checksum."""
    row = await block_types.read_schema_by_checksum(
        call.services.database, call.path["checksum"], call.query("version")
    )
    return encode(sql.schema_of(row))


@operations.post("/block_schemas/filter", ReadBlockSchemasBody, returns=list[BlockSchema])
async def read_block_schemas(call: Call[ReadBlockSchemasBody]) -> bytes:
    """List block schemas."""
    body = call.body
    rows = await block_types.list_schemas(
        call.services.database,
        body.block_schemas,
        limit=choose_limit(call.services.config, body.limit),
        offset=body.offset,
    )
    return encode([sql.schema_of(row) for row in rows])


@operations.delete("/block_schemas/{id:uuid}")
async def delete_block_schema(call: Call[None]) -> None:
    """Delete a block schema with its blocks."""
    await block_types.delete_schema(call.services.database, call.path["id"])


@operations.get("/block_capabilities/", returns=list[str])
async def read_block_capabilities(call: Call[None]) -> bytes:
    """List what blocks can do."""
    return encode(await block_types.list_capabilities(call.services.database))


# Documents


@operations.post("/block_documents/", BlockDocumentCreate, returns=BlockDocument, status=201)
async def create_block_document(call: Call[BlockDocumentCreate]) -> bytes:
    """Make a block."""
    return encode((await call.services.blocks.create(call.body)).show(secrets=False))


@operations.get(
    "/block_documents/{id:uuid}",
    returns=BlockDocument,
    parameters=_SECRETS,
    optional=tuple(_SECRETS),
)
async def read_block_document(call: Call[None]) -> bytes:
    """Read a block."""
    found = await call.services.blocks.read(call.path["id"])
    return encode(found.show(secrets=_secrets(call)))


@operations.post("/block_documents/filter", ReadBlockDocumentsBody, returns=list[BlockDocument])
async def read_block_documents(call: Call[ReadBlockDocumentsBody]) -> bytes:
    """List blocks."""
    body = call.body
    limit = choose_limit(call.services.config, body.limit)
    found = await call.services.blocks.search(body, limit=limit)
    return encode([block.show(secrets=body.include_secrets) for block in found])


@operations.post("/block_documents/count", CountBlockDocumentsBody, returns=int)
async def count_block_documents(call: Call[CountBlockDocumentsBody]) -> bytes:
    """Count blocks."""
    return encode(await call.services.blocks.count(call.body))


@operations.patch("/block_documents/{id:uuid}", BlockDocumentUpdate)
async def update_block_document(call: Call[BlockDocumentUpdate]) -> None:
    """Change a block."""
    await call.services.blocks.update(call.path["id"], call.body)


@operations.delete("/block_documents/{id:uuid}")
async def delete_block_document(call: Call[None]) -> None:
    """Delete a block."""
    await call.services.blocks.delete(call.path["id"])


@operations.get(
    "/block_types/slug/{slug}/block_documents",
    returns=list[BlockDocument],
    parameters=_SECRETS,
    optional=tuple(_SECRETS),
)
async def read_block_documents_of_type(call: Call[None]) -> bytes:
    """List the blocks of a type."""
    limit = call.services.config.default_limit
    found = await call.services.blocks.list_of_type(call.path["slug"], limit=limit)
    return encode([block.show(secrets=_secrets(call)) for block in found])


@operations.get(
    "/block_types/slug/{slug}/block_documents/name/{block_document_name}",
    returns=BlockDocument,
    parameters=_SECRETS,
    optional=tuple(_SECRETS),
)
async def read_block_document_by_name(call: Call[None]) -> bytes:
    """Read a block by its type and name."""
    slug, name = call.path["slug"], call.path["block_document_name"]
    found = await call.services.blocks.read_by_name(slug, name)
    return encode(found.show(secrets=_secrets(call)))


def _secrets(call: Call[None]) -> bool:
    return (call.query("include_secrets") or "").lower() in _YES


_YES = frozenset({"1", "true", "t", "yes", "y", "on"})
