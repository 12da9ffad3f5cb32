"""What a job refers to outside of its template: variables and blocks, their secrets open or masked."""

from collections.abc import Iterable
from typing import Any, cast

import msgspec

from headrace.core.blocks import reference_of
from headrace.core.placeholders import (
    Reference,
    find_placeholders,
    look_into_block,
    parse_reference,
)
from headrace.errors import ObjectNotFound
from headrace.server.services.block_documents import BlockDocuments
from headrace.server.store import claimed_runs as sql
from headrace.server.store.database import Database

Known = dict[Reference, object]

_decode = msgspec.json.Decoder().decode


async def read_known(
    database: Database, blocks: BlockDocuments, parts: Iterable[object], *, secrets: bool
) -> Known:
    """The values of all variables and blocks that placeholders name; what is missing is left out.

    Raises `SecretsUnreadable`.
    """
    found = (parse_reference(name) for part in parts for name in find_placeholders(part))
    references = {reference for reference in found if reference is not None}
    known = await _read_variables(database, references)
    for reference in references:
        if reference.kind == "block":
            try:
                known[reference] = await read_block(blocks, reference.name, secrets=secrets)
            except KeyError:
                continue  # the template says where it is needed
    return known


async def read_block(blocks: BlockDocuments, name: str, *, secrets: bool) -> object:
    """What `<type>/<document>` and perhaps `.<field>.<field>` means.

    Raises `KeyError`: there is no such block or field. `SecretsUnreadable`.
    """
    address, *path = name.split(".")
    slug, _, document = address.partition("/")
    try:
        block = await blocks.read_by_name(slug, document)
    except ObjectNotFound as error:
        raise KeyError(name) from error
    try:
        return look_into_block(block.values(secrets=secrets), path)
    except KeyError as error:
        raise KeyError(name) from error


async def open_references(blocks: BlockDocuments, value: Any, *, secrets: bool) -> Any:
    """The value with each `{"$ref": {"block_document_id": …}}` in it replaced by that block's values.

    Raises `ObjectNotFound`, `SecretsUnreadable`.
    """
    document_id = reference_of(value)
    if document_id is not None:
        return (await blocks.read(document_id)).values(secrets=secrets)
    if isinstance(value, dict):
        items = cast("dict[str, Any]", value).items()
        return {key: await open_references(blocks, one, secrets=secrets) for key, one in items}
    if isinstance(value, list):
        return [
            await open_references(blocks, one, secrets=secrets) for one in cast("list[Any]", value)
        ]
    return value


async def _read_variables(database: Database, references: Iterable[Reference]) -> Known:
    names = sorted({one.name for one in references if one.kind == "variable"})
    if not names:
        return {}
    rows = await database.fetch_few(sql.VARIABLES, {"names": names})
    return {Reference("variable", name): _decode(value) for name, value in rows}
