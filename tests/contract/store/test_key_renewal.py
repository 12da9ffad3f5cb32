"""A new key: what the old one encrypted is brought to it."""

from datetime import UTC, datetime
from uuid import UUID

from sqlalchemy import select

from headrace.server.secrets import Keyring, new_key
from headrace.server.services.block_documents import BlockDocuments
from headrace.server.services.block_types import create_schema, create_type
from headrace.server.services.loops.key_renewal import KeyRenewalLoop
from headrace.server.services.signals import Signals
from headrace.server.store import blocks as sql
from headrace.server.store.database import Database
from headrace.server.store.schema import block_document
from headrace.wire.blocks import BlockDocumentCreate, BlockSchemaCreate, BlockTypeCreate


async def test_blocks_come_to_the_newest_key(database: Database) -> None:
    """Page by page; afterwards the old key is not needed, and nothing is left to do."""
    old, new = new_key(), new_key()
    kind = await create_type(database, Signals(), BlockTypeCreate(name="T", slug="t"))
    type_id = UUID(kind[sql.TYPE.positions["id"]])
    schema, _ = await create_schema(database, BlockSchemaCreate(block_type_id=type_id))
    schema_id = UUID(sql.schema_id_of(schema))
    before = BlockDocuments(database, Signals(), Keyring((old,), None))
    assert await KeyRenewalLoop(before).run_once(datetime.now(UTC)) is None
    for number in range(5):
        body = BlockDocumentCreate(
            name=f"n{number}",
            data={"number": number},
            block_schema_id=schema_id,
            block_type_id=type_id,
        )
        await before.create(body)
    loop = KeyRenewalLoop(BlockDocuments(database, Signals(), Keyring((new, old), None)), page=3)
    assert [await loop.run_once(datetime.now(UTC)) for _ in range(2)] == [0, None]
    after = BlockDocuments(database, Signals(), Keyring((new,), None))
    keys = await database.fetch_all(select(block_document.c.id, block_document.c.key_id))
    assert {key for _, key in keys} == {Keyring((new,), None).current_id()}
    found = [(await after.read(row[0])).values(secrets=True)["number"] for row in keys]
    assert sorted(found) == list(range(5))
