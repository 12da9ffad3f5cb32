"""Flow runs and task runs with their states, and the indexes that find them."""

from typing import Any

from sqlalchemy import (
    Boolean,
    Column,
    Double,
    ForeignKey,
    Index,
    Integer,
    Table,
    Text,
    UniqueConstraint,
    text,
)

from headrace.server.store.schema.columns import (
    Id,
    Json,
    Timestamp,
    metadata,
    newest_first,
    reference,
    table,
)


def _run_columns() -> list[Column[Any]]:
    """What flow runs and task runs have in common: the newest state, in columns and whole."""
    return [
        Column("name", Text, nullable=False),
        Column("tags", Json, nullable=False, server_default="[]"),
        Column("labels", Json, nullable=False, server_default="{}"),
        Column("empirical_policy", Json, nullable=False, server_default="{}"),
        Column("state_id", Id),
        Column("state_type", Text),
        Column("state_name", Text),
        Column("state_timestamp", Timestamp),
        Column("state", Json),
        Column("run_count", Integer, nullable=False, server_default="0"),
        Column("expected_start_time", Timestamp),
        Column("next_scheduled_start_time", Timestamp),
        Column("start_time", Timestamp),
        Column("end_time", Timestamp),
        Column("total_run_time", Double, nullable=False, server_default="0"),  # seconds
        Column("version", Integer, nullable=False, server_default="0"),
    ]


flow_run = table(
    "flow_run",
    *_run_columns(),
    reference("flow_id", "flow.id"),
    reference("deployment_id", "deployment.id", nullable=True, on_delete="SET NULL"),
    Column("deployment_version", Text),
    Column("flow_version", Text),
    Column("parameters", Json, nullable=False, server_default="{}"),
    Column("context", Json, nullable=False, server_default="{}"),
    Column("idempotency_key", Text),
    Column("parent_task_run_id", Id),
    Column("auto_scheduled", Boolean, nullable=False, server_default=text("false")),
    Column("infrastructure_document_id", Id),
    Column("infrastructure_pid", Text),
    Column("job_variables", Json),
    Column("created_by", Json),
    reference("work_queue_id", "work_queue.id", nullable=True, on_delete="SET NULL"),
    Column("work_queue_name", Text),
    # The lease: who holds the run, since which claim, until when.
    Column("lease_owner", Text),
    Column("lease_kind", Text),  # worker | heartbeat | none
    Column("lease_expires", Timestamp),
    Column("claim_id", Id),
    Column("epoch", Integer, nullable=False, server_default="0"),
    # The newest heartbeat event: the gap to the one before says how long its lease lasts.
    Column("last_heartbeat", Timestamp),
    # Why it is not running yet, as JSON; null when nothing keeps it.
    Column("wait_reason", Json),
)

flow_run_state = Table(
    "flow_run_state",
    metadata,
    Column("id", Id, primary_key=True),
    reference("flow_run_id", "flow_run.id"),
    Column("timestamp", Timestamp, nullable=False),
    Column("state", Json, nullable=False),
)

flow_run_tag = Table(
    "flow_run_tag",
    metadata,
    Column("tag", Text, primary_key=True),
    Column("flow_run_id", Id, ForeignKey("flow_run.id", ondelete="CASCADE"), primary_key=True),
    Index("ix_flow_run_tag__flow_run_id", "flow_run_id"),
)

task_run = table(
    "task_run",
    *_run_columns(),
    reference("flow_run_id", "flow_run.id", nullable=True),
    Column("task_key", Text, nullable=False),
    Column("dynamic_key", Text, nullable=False),
    Column("cache_key", Text),
    Column("cache_expiration", Timestamp),
    # Under which its result is found by other task runs; the two above are what it was made with.
    Column("kept_key", Text),
    Column("kept_expiration", Timestamp),
    Column("task_version", Text),
    Column("flow_run_run_count", Integer, nullable=False, server_default="0"),
    Column("task_inputs", Json, nullable=False, server_default="{}"),
    UniqueConstraint("flow_run_id", "task_key", "dynamic_key"),
)

task_run_state = Table(
    "task_run_state",
    metadata,
    Column("id", Id, primary_key=True),
    reference("task_run_id", "task_run.id"),
    Column("timestamp", Timestamp, nullable=False),
    Column("state", Json, nullable=False),
)

# A scheduled run with an owner waits in its own process, for a retry: nobody may claim it.
_scheduled = text("state_type = 'SCHEDULED' AND lease_owner IS NULL")
_live = text("state_type IN ('PENDING', 'RUNNING', 'CANCELLING')")
_unique_key = text("idempotency_key IS NOT NULL")
_kept = text("kept_key IS NOT NULL")
_leased = text("lease_expires IS NOT NULL")
_owned = text("lease_owner IS NOT NULL")

Index(
    "uq_flow_run__flow_id_idempotency_key",
    flow_run.c.flow_id,
    flow_run.c.idempotency_key,
    unique=True,
    sqlite_where=_unique_key,
    postgresql_where=_unique_key,
)
Index(
    "ix_flow_run__due_in_queue",
    flow_run.c.work_queue_id,
    flow_run.c.next_scheduled_start_time,
    # Ends the order, and lets runs of a full deployment be passed over without reading their rows.
    flow_run.c.id,
    flow_run.c.deployment_id,
    sqlite_where=_scheduled,
    postgresql_where=_scheduled,
)
Index(
    "ix_flow_run__due_of_deployment",
    flow_run.c.deployment_id,
    flow_run.c.next_scheduled_start_time,
    flow_run.c.id,
    sqlite_where=_scheduled,
    postgresql_where=_scheduled,
)
Index(
    "ix_flow_run__live_in_queue",
    flow_run.c.work_queue_id,
    # Makes a count need the index alone: so it is preferred to the index of all runs.
    flow_run.c.state_type,
    sqlite_where=_live,
    postgresql_where=_live,
)
Index(
    "ix_flow_run__live_of_deployment",
    flow_run.c.deployment_id,
    flow_run.c.state_type,
    sqlite_where=_live,
    postgresql_where=_live,
)
Index(
    "ix_flow_run__lease_owner",
    flow_run.c.lease_owner,
    flow_run.c.state_type,
    sqlite_where=_owned,
    postgresql_where=_owned,
)
Index(
    "ix_flow_run__lease_expires",
    flow_run.c.lease_expires,
    sqlite_where=_leased,
    postgresql_where=_leased,
)
Index("ix_flow_run__state_type_state_timestamp", flow_run.c.state_type, flow_run.c.state_timestamp)
# Lists are newest first: these end in what the page is sorted by and in the key it is read by, so
# that a million rows are neither sorted nor read. The name is there for searches in names. What many
# runs do not have (a deployment, a queue, a parent) is indexed for those that have it: each index is
# paid for by every run that is made.
Index(
    "ix_flow_run__listed",
    flow_run.c.expected_start_time,
    flow_run.c.name,
    flow_run.c.id,
)
Index(
    "ix_flow_run__listed_of_state",
    flow_run.c.state_type,
    flow_run.c.expected_start_time,
    flow_run.c.id,
)
Index(
    "ix_flow_run__listed_of_deployment",
    flow_run.c.deployment_id,
    flow_run.c.expected_start_time,
    flow_run.c.id,
    sqlite_where=text("deployment_id IS NOT NULL"),
    postgresql_where=text("deployment_id IS NOT NULL"),
)
# Also: a queue that is deleted must be taken from its runs without a walk.
Index(
    "ix_flow_run__listed_of_queue",
    flow_run.c.work_queue_id,
    flow_run.c.expected_start_time,
    flow_run.c.id,
    sqlite_where=text("work_queue_id IS NOT NULL"),
    postgresql_where=text("work_queue_id IS NOT NULL"),
)
Index("ix_flow_run__start_time", newest_first(flow_run.c.start_time))
Index("ix_flow_run__end_time", newest_first(flow_run.c.end_time))
Index("ix_flow_run__name", flow_run.c.name)
# All that lists and counts of a flow's runs filter and sort by, so that only the page itself is read.
Index(
    "ix_flow_run__listed_of_flow",
    flow_run.c.flow_id,
    flow_run.c.state_type,
    flow_run.c.expected_start_time,
    flow_run.c.start_time,
    flow_run.c.name,
    flow_run.c.id,
)
Index(
    "ix_flow_run__parent_task_run_id",
    flow_run.c.parent_task_run_id,
    sqlite_where=text("parent_task_run_id IS NOT NULL"),
    postgresql_where=text("parent_task_run_id IS NOT NULL"),
)
Index(
    "ix_flow_run__claim_id",
    flow_run.c.claim_id,
    sqlite_where=text("claim_id IS NOT NULL"),
    postgresql_where=text("claim_id IS NOT NULL"),
)
Index(
    "ix_flow_run_state__flow_run_id_timestamp",
    flow_run_state.c.flow_run_id,
    flow_run_state.c.timestamp,
)
Index("ix_task_run__flow_run_id", task_run.c.flow_run_id)
Index(
    "ix_task_run__kept_key",
    task_run.c.kept_key,
    sqlite_where=_kept,
    postgresql_where=_kept,
)
Index("ix_task_run__listed_of_state", task_run.c.state_type, task_run.c.expected_start_time)
# With the name, for searches in names: of five million rows none is read but those of the page.
Index(
    "ix_task_run__listed",
    task_run.c.expected_start_time,
    task_run.c.name,
    task_run.c.id,
)
Index("ix_task_run__end_time", newest_first(task_run.c.end_time))
# Charts count by when a run began and how it ended.
Index("ix_task_run__start_time", task_run.c.start_time, task_run.c.state_type)
Index(
    "ix_task_run_state__task_run_id_timestamp",
    task_run_state.c.task_run_id,
    task_run_state.c.timestamp,
)
# By the name alone: beside a condition on the type, SQLite would take that column's own index.
Index(
    "ix_flow_run__late_from",
    flow_run.c.next_scheduled_start_time,
    sqlite_where=text("state_name = 'Scheduled'"),
    postgresql_where=text("state_name = 'Scheduled'"),
)
