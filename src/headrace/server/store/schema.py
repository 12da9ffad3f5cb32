"""The tables, once for SQLite and PostgreSQL.

Conventions that hold for every table:

- An id is a UUID: `CHAR(36)` text on SQLite, `uuid` on PostgreSQL. The store takes and gives `str`.
- A time is `Timestamp`: on SQLite fixed-width text `2026-11-21T00:33:00.123456Z`, which sorts and
  compares as time does; `timestamptz` on PostgreSQL. The store takes and gives that text on both, so
  that a row goes to JSON without being parsed.
- A JSON value is text that is stored as it is sent and passed through as it is stored.
- `version` counts the changes of a row's state: the compare-and-set of every change of state.
"""

from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Double,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    Sequence,
    Table,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.engine import Dialect
from sqlalchemy.types import CHAR, TIMESTAMP, TypeDecorator, TypeEngine, Uuid

from headrace.server.store.event_numbers import MOST_COUNTED, SEQUENCE, NextEventNumber

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s__%(column_0_N_name)s",
        "uq": "uq_%(table_name)s__%(column_0_N_name)s",
        "fk": "fk_%(table_name)s__%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)
# PostgreSQL only: tells the events of one transaction apart, and goes round.
Sequence(SEQUENCE, start=0, minvalue=0, maxvalue=MOST_COUNTED, cycle=True, metadata=metadata)


class Id(TypeDecorator[str]):
    """A UUID that the store takes and gives as lower-case text with hyphens."""

    impl = CHAR(36)
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[str]:
        """`uuid` where the database has it."""
        if dialect.name == "postgresql":
            return dialect.type_descriptor(Uuid(as_uuid=False, native_uuid=True))
        return dialect.type_descriptor(CHAR(36))


class Timestamp(TypeDecorator[str]):
    """A moment in UTC, taken and given as fixed-width ISO 8601 text with microseconds and `Z`."""

    impl = Text
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """`timestamptz` where the database has it."""
        if dialect.name == "postgresql":
            return dialect.type_descriptor(TIMESTAMP(timezone=True))
        return dialect.type_descriptor(Text())


class Json(Text):
    """JSON as text. Its own type, so that answers know which columns to pass through unquoted."""


def _table(name: str, *columns: Column[Any] | UniqueConstraint | Index) -> Table:
    return Table(
        name,
        metadata,
        Column("id", Id, primary_key=True),
        Column("created", Timestamp, nullable=False),
        Column("updated", Timestamp, nullable=False),
        *columns,
    )


def _reference(
    name: str, to: str, *, nullable: bool = False, on_delete: str = "CASCADE"
) -> Column[str]:
    return Column(name, Id, ForeignKey(to, ondelete=on_delete), nullable=nullable)


flow = _table(
    "flow",
    Column("name", Text, nullable=False, unique=True),
    Column("tags", Json, nullable=False, server_default="[]"),
    Column("labels", Json, nullable=False, server_default="{}"),
)

work_pool = _table(
    "work_pool",
    Column("name", Text, nullable=False, unique=True),
    Column("description", Text),
    Column("type", Text, nullable=False),
    Column("base_job_template", Json, nullable=False, server_default="{}"),
    Column("storage_configuration", Json, nullable=False, server_default="{}"),
    Column("is_paused", Boolean, nullable=False, server_default=text("false")),
    Column("concurrency_limit", Integer),
    Column("default_queue_id", Id),
    Column("status", Text, nullable=False, server_default="NOT_READY"),
)

work_queue = _table(
    "work_queue",
    _reference("work_pool_id", "work_pool.id"),
    Column("name", Text, nullable=False),
    Column("description", Text, nullable=False, server_default=""),
    Column("is_paused", Boolean, nullable=False, server_default=text("false")),
    Column("concurrency_limit", Integer),
    Column("priority", Integer, nullable=False),
    Column("last_polled", Timestamp),
    Column("status", Text, nullable=False, server_default="NOT_READY"),
    UniqueConstraint("work_pool_id", "name"),
)

worker = _table(
    "worker",
    _reference("work_pool_id", "work_pool.id"),
    Column("name", Text, nullable=False),
    Column("last_heartbeat_time", Timestamp, nullable=False),
    Column("heartbeat_interval_seconds", Integer),
    Column("status", Text, nullable=False, server_default="ONLINE"),
    Column("metadata", Json),
    UniqueConstraint("work_pool_id", "name"),
)

deployment = _table(
    "deployment",
    _reference("flow_id", "flow.id"),
    Column("name", Text, nullable=False),
    Column("version", Text),
    Column("version_id", Id),
    Column("branch", Text),
    Column("version_info", Json),
    Column("description", Text),
    Column("paused", Boolean, nullable=False, server_default=text("false")),
    Column("tags", Json, nullable=False, server_default="[]"),
    Column("labels", Json, nullable=False, server_default="{}"),
    Column("parameters", Json, nullable=False, server_default="{}"),
    Column("job_variables", Json, nullable=False, server_default="{}"),
    Column("pull_steps", Json),
    Column("entrypoint", Text),
    Column("path", Text),
    Column("storage_document_id", Id),
    Column("infrastructure_document_id", Id),
    Column("parameter_openapi_schema", Json),
    Column("enforce_parameter_schema", Boolean, nullable=False, server_default=text("true")),
    Column("concurrency_limit", Integer),
    Column("concurrency_options", Json),
    _reference("work_queue_id", "work_queue.id", nullable=True, on_delete="SET NULL"),
    Column("work_queue_name", Text),
    Column("status", Text, nullable=False, server_default="NOT_READY"),
    Column("last_polled", Timestamp),
    Column("created_by", Json),
    Column("updated_by", Json),
    Column("sdk", Text, nullable=False, server_default="headrace"),
    # The rows of `deployment_schedule` as the wire has them, rewritten whenever they change: a
    # deployment is read far more often than its schedules change.
    Column("schedules", Json, nullable=False, server_default="[]"),
    UniqueConstraint("flow_id", "name"),
)

deployment_schedule = _table(
    "deployment_schedule",
    _reference("deployment_id", "deployment.id"),
    Column("schedule", Json, nullable=False),
    Column("active", Boolean, nullable=False, server_default=text("true")),
    Column("max_scheduled_runs", Integer),
    Column("parameters", Json, nullable=False, server_default="{}"),
    Column("slug", Text),
    # When the scheduling loop looks at it next; null means now.
    Column("look_again", Timestamp),
    UniqueConstraint("deployment_id", "slug"),
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


flow_run = _table(
    "flow_run",
    *_run_columns(),
    _reference("flow_id", "flow.id"),
    _reference("deployment_id", "deployment.id", nullable=True, on_delete="SET NULL"),
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
    _reference("work_queue_id", "work_queue.id", nullable=True, on_delete="SET NULL"),
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
    _reference("flow_run_id", "flow_run.id"),
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

task_run = _table(
    "task_run",
    *_run_columns(),
    _reference("flow_run_id", "flow_run.id", nullable=True),
    Column("task_key", Text, nullable=False),
    Column("dynamic_key", Text, nullable=False),
    Column("cache_key", Text),
    Column("cache_expiration", Timestamp),
    Column("task_version", Text),
    Column("flow_run_run_count", Integer, nullable=False, server_default="0"),
    Column("task_inputs", Json, nullable=False, server_default="{}"),
    UniqueConstraint("flow_run_id", "task_key", "dynamic_key"),
)

task_run_state = Table(
    "task_run_state",
    metadata,
    Column("id", Id, primary_key=True),
    _reference("task_run_id", "task_run.id"),
    Column("timestamp", Timestamp, nullable=False),
    Column("state", Json, nullable=False),
)

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

flow_run_input = _table(
    "flow_run_input",
    _reference("flow_run_id", "flow_run.id"),
    Column("key", Text, nullable=False),
    Column("value", Text, nullable=False),
    Column("sender", Text),
    UniqueConstraint("flow_run_id", "key"),
)

variable = _table(
    "variable",
    Column("name", Text, nullable=False, unique=True),
    Column("value", Json, nullable=False),
    Column("tags", Json, nullable=False, server_default="[]"),
)

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

# A scheduled run with an owner waits in its own process, for a retry: nobody may claim it.
_scheduled = text("state_type = 'SCHEDULED' AND lease_owner IS NULL")
_live = text("state_type IN ('PENDING', 'RUNNING', 'CANCELLING')")
_unique_key = text("idempotency_key IS NOT NULL")
_cached = text("cache_key IS NOT NULL")
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
Index("ix_flow_run__expected_start_time", flow_run.c.expected_start_time)
Index("ix_flow_run__start_time", flow_run.c.start_time)
Index("ix_flow_run__end_time", flow_run.c.end_time)
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
Index("ix_flow_run__deployment_id", flow_run.c.deployment_id)
# Filters by queue or pool; and a queue that is deleted must be taken from its runs without a walk.
Index("ix_flow_run__work_queue_id", flow_run.c.work_queue_id)
Index("ix_flow_run__parent_task_run_id", flow_run.c.parent_task_run_id)
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
    "ix_task_run__cache_key",
    task_run.c.cache_key,
    sqlite_where=_cached,
    postgresql_where=_cached,
)
Index("ix_task_run__state_type_state_timestamp", task_run.c.state_type, task_run.c.state_timestamp)
Index("ix_task_run__expected_start_time", task_run.c.expected_start_time)
Index("ix_task_run__end_time", task_run.c.end_time)
Index(
    "ix_task_run_state__task_run_id_timestamp",
    task_run_state.c.task_run_id,
    task_run_state.c.timestamp,
)
Index("ix_log__flow_run_id_timestamp", log.c.flow_run_id, log.c.timestamp)
Index("ix_log__task_run_id_timestamp", log.c.task_run_id, log.c.timestamp)
Index("ix_log__timestamp", log.c.timestamp)
Index("ix_event__occurred", event.c.occurred)
Index("ix_event__resource_id_occurred", event.c.resource_id, event.c.occurred)
Index("ix_deployment__work_queue_id", deployment.c.work_queue_id)
Index("ix_deployment_schedule__look_again", deployment_schedule.c.look_again)
# By the name alone: beside a condition on the type, SQLite would take that column's own index.
Index(
    "ix_flow_run__late_from",
    flow_run.c.next_scheduled_start_time,
    sqlite_where=text("state_name = 'Scheduled'"),
    postgresql_where=text("state_name = 'Scheduled'"),
)
Index("ix_deployment_schedule__deployment_id", deployment_schedule.c.deployment_id)
