"""Putting the block types in place that belong to every installation."""

from typing import Final

from headrace import __version__
from headrace.core.blocks import checksum
from headrace.core.ids import new_id
from headrace.core.system_blocks import SYSTEM_BLOCKS, SystemBlock
from headrace.server.store import blocks as sql
from headrace.server.store.database import Database, Transaction
from headrace.wire.decode import encode

CHECKSUMS: Final = {block.slug: checksum(block.fields) for block in SYSTEM_BLOCKS}


async def install_system_blocks(database: Database) -> None:
    """Add the types and schemas that are missing; what is there stays as it is.

    A client registers a type of its own form beside it where it needs one: schemas are told apart by
    their checksums.
    """
    params = {"checksums": list(CHECKSUMS.values())}
    rows = await database.fetch_all(sql.TYPES_OF_CHECKSUMS, params)
    if {row[0] for row in rows} < CHECKSUMS.keys():
        await database.transact(_install)


def _install(tx: Transaction) -> None:
    tx.lock("system blocks")  # servers that start together on one database
    for block in SYSTEM_BLOCKS:
        type_id = _ensure_type(tx, block)
        found = {"checksum": CHECKSUMS[block.slug]}
        if tx.fetch_one(sql.SCHEMA_BY_CHECKSUM, found) is None:
            row = {
                **_new_row(tx),
                **found,
                "block_type_id": type_id,
                "fields": encode(dict(block.fields)).decode(),
                "capabilities": encode(block.capabilities).decode(),
                "version": __version__,
            }
            tx.execute(sql.INSERT_SCHEMA, row)


def _ensure_type(tx: Transaction, block: SystemBlock) -> str:
    found = tx.fetch_one(sql.TYPE_BY_SLUG, {"key": block.slug})
    if found is not None:
        return str(found[sql.TYPE.positions["id"]])
    made = _new_row(tx)
    row = {
        **made,
        "name": block.name,
        "slug": block.slug,
        "description": block.description,
        "code_example": block.code_example,
        "is_protected": True,
    }
    tx.execute(sql.INSERT_TYPE, row)
    return made["id"]


def _new_row(tx: Transaction) -> dict[str, str]:
    now = tx.now()
    return {"id": new_id(), "created": now, "updated": now}
