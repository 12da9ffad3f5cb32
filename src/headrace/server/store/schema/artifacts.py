"""Artifacts: what runs leave for people to look at; and the newest of each key."""

from sqlalchemy import Column, Index, Text

from headrace.server.store.schema.columns import Id, Json, reference, table

artifact = table(
    "artifact",
    Column("key", Text),
    Column("type", Text),
    Column("description", Text),
    Column("data", Json),
    Column("metadata_", Json),
    # No foreign keys: a task run's own row may come after what it leaves.
    Column("flow_run_id", Id),
    Column("task_run_id", Id),
)

# All artifacts of one key. Its newest is set to null when that is deleted, and then found anew.
artifact_collection = table(
    "artifact_collection",
    Column("key", Text, nullable=False, unique=True),
    reference("latest_id", "artifact.id", nullable=True, on_delete="SET NULL"),
)

Index("ix_artifact__key_created", artifact.c.key, artifact.c.created)
Index("ix_artifact__flow_run_id", artifact.c.flow_run_id)
Index("ix_artifact__task_run_id", artifact.c.task_run_id)
Index("ix_artifact_collection__latest_id", artifact_collection.c.latest_id)
