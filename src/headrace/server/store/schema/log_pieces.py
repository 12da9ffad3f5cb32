"""Which pieces of text occur in which lines: so that a rare word is found without reading every line.

Lines are taken together, in the order of their ids, in blocks; blocks in stretches, one bit of a
`BIGINT` each. They are written once, some time after their lines, and never changed.
"""

from sqlalchemy import BigInteger, Column, Integer, Table, Text

from headrace.server.store.schema.columns import Id, metadata

log_stretch = Table(
    "log_stretch",
    metadata,
    Column("last_id", Id, primary_key=True),
    Column("number", Integer, nullable=False),
    # JSON: the last id of each block.
    Column("blocks", Text, nullable=False),
)

log_piece = Table(
    "log_piece",
    metadata,
    Column("stretch", Integer, primary_key=True, autoincrement=False),
    Column("bucket", Integer, primary_key=True, autoincrement=False),
    # Bit n: the piece occurs in block n.
    Column("blocks", BigInteger, nullable=False),
    sqlite_with_rowid=False,
)
