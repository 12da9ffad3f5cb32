"""Task runs on their way to a task worker, and the task workers that are there."""

from sqlalchemy import Column, ForeignKey, Index, Table, Text

from headrace.server.store.schema.columns import Id, Json, Timestamp, metadata

# A row stays until its task run has left SCHEDULED. Who has an owner is with that task worker until
# `expires`; then another may take it.
task_delivery = Table(
    "task_delivery",
    metadata,
    Column("task_run_id", Id, ForeignKey("task_run.id", ondelete="CASCADE"), primary_key=True),
    Column("task_key", Text, nullable=False),
    Column("created", Timestamp, nullable=False),
    Column("owner", Id),
    Column("expires", Timestamp),
)

# One row for each connection of a task worker.
task_worker = Table(
    "task_worker",
    metadata,
    Column("id", Id, primary_key=True),
    Column("identifier", Text, nullable=False),
    Column("task_keys", Json, nullable=False),
    Column("timestamp", Timestamp, nullable=False),
)

Index("ix_task_delivery__task_key_created", task_delivery.c.task_key, task_delivery.c.created)
Index("ix_task_delivery__owner", task_delivery.c.owner)
