"""What is written down and looked up: logs, events, inputs of runs, variables."""

from sqlalchemy import BigInteger, Column, Index, Integer, Table, Text, UniqueConstraint

from headrace.server.store.event_numbers import NextEventNumber
from headrace.server.store.schema.columns import Id, Json, Timestamp, metadata, reference, table

log = Table(
    "log",
    metadata,
    Column("id", Id, primary_key=True),
    Column("created", Timestamp, nullable=False),
    Column("name", Text, nullable=False),
    Column("level", Integer, nullable=False),
    Column("flow_run_id", Id),
    Column("task_run_id", Id),
    Column("timestamp", Timestamp, nullable=False),
    Column("message", Text, nullable=False),
)

# The outbox. A state change and its event commit together. Readers follow `seq`: SQLite's one writer
# numbers in the order of commits; on PostgreSQL see `event_numbers.py`.
event = Table(
    "event",
    metadata,
    Column(
        "seq",
        BigInteger().with_variant(Integer, "sqlite"),
        primary_key=True,
        autoincrement=False,
        server_default=NextEventNumber(),
    ),
    Column("id", Id, nullable=False, unique=True),
    Column("occurred", Timestamp, nullable=False),
    Column("received", Timestamp, nullable=False),
    Column("event", Text, nullable=False),
    Column("resource_id", Text, nullable=False),
    Column("resource", Json, nullable=False),
    Column("related", Json, nullable=False),
    Column("payload", Json, nullable=False),
    Column("follows", Id),
)

flow_run_input = table(
    "flow_run_input",
    reference("flow_run_id", "flow_run.id"),
    Column("key", Text, nullable=False),
    Column("value", Text, nullable=False),
    Column("sender", Text),
    UniqueConstraint("flow_run_id", "key"),
)

variable = table(
    "variable",
    Column("name", Text, nullable=False, unique=True),
    Column("value", Json, nullable=False),
    Column("tags", Json, nullable=False, server_default="[]"),
)

Index("ix_log__flow_run_id_timestamp", log.c.flow_run_id, log.c.timestamp)
Index("ix_log__task_run_id_timestamp", log.c.task_run_id, log.c.timestamp)
Index("ix_log__timestamp", log.c.timestamp)
Index("ix_event__occurred", event.c.occurred)
Index("ix_event__resource_id_occurred", event.c.resource_id, event.c.occurred)
