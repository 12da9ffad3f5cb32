"""What the server keeps about itself."""

from sqlalchemy import Column, Table, Text

from headrace.server.store.schema.columns import Timestamp, metadata

# One runner per background loop: who leads it, until when.
loop_lease = Table(
    "loop_lease",
    metadata,
    Column("name", Text, primary_key=True),
    Column("owner", Text, nullable=False),
    Column("expires", Timestamp, nullable=False),
)

# What this installation is: its id, the program that made the database.
installation = Table(
    "installation",
    metadata,
    Column("key", Text, primary_key=True),
    Column("value", Text, nullable=False),
)
