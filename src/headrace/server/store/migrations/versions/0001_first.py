"""First."""
# SQLAlchemy's plain type objects name no Python type
# pyright: reportUnknownArgumentType=false

import sqlalchemy as sa
from alembic import op
from sqlalchemy.schema import CreateSequence, DropSequence

from headrace.server.store.event_numbers import MOST_COUNTED, SEQUENCE, NextEventNumber
from headrace.server.store.schema import Id, Timestamp

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Apply it."""
    if op.get_context().dialect.supports_sequences:
        sequence = sa.Sequence(SEQUENCE, start=0, minvalue=0, maxvalue=MOST_COUNTED, cycle=True)
        op.execute(CreateSequence(sequence))
    op.create_table(
        "event",
        sa.Column(
            "seq",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=False,
            server_default=NextEventNumber(),
            nullable=False,
        ),
        sa.Column("id", Id(), nullable=False),
        sa.Column("occurred", Timestamp(), nullable=False),
        sa.Column("received", Timestamp(), nullable=False),
        sa.Column("event", sa.Text(), nullable=False),
        sa.Column("resource_id", sa.Text(), nullable=False),
        sa.Column("resource", sa.Text(), nullable=False),
        sa.Column("related", sa.Text(), nullable=False),
        sa.Column("payload", sa.Text(), nullable=False),
        sa.Column("follows", Id(), nullable=True),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_event")),
        sa.UniqueConstraint("id", name=op.f("uq_event__id")),
    )
    op.create_index("ix_event__occurred", "event", ["occurred"], unique=False)
    op.create_index(
        "ix_event__resource_id_occurred", "event", ["resource_id", "occurred"], unique=False
    )
    op.create_table(
        "flow",
        sa.Column("id", Id(), nullable=False),
        sa.Column("created", Timestamp(), nullable=False),
        sa.Column("updated", Timestamp(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("tags", sa.Text(), server_default="[]", nullable=False),
        sa.Column("labels", sa.Text(), server_default="{}", nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_flow")),
        sa.UniqueConstraint("name", name=op.f("uq_flow__name")),
    )
    op.create_table(
        "installation",
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_installation")),
    )
    op.create_table(
        "log",
        sa.Column("id", Id(), nullable=False),
        sa.Column("created", Timestamp(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("level", sa.Integer(), nullable=False),
        sa.Column("flow_run_id", Id(), nullable=True),
        sa.Column("task_run_id", Id(), nullable=True),
        sa.Column("timestamp", Timestamp(), nullable=False),
        sa.Column("message", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_log")),
    )
    op.create_index(
        "ix_log__flow_run_id_timestamp", "log", ["flow_run_id", "timestamp"], unique=False
    )
    op.create_index(
        "ix_log__task_run_id_timestamp", "log", ["task_run_id", "timestamp"], unique=False
    )
    op.create_index("ix_log__timestamp", "log", ["timestamp"], unique=False)
    op.create_table(
        "loop_lease",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("owner", sa.Text(), nullable=False),
        sa.Column("expires", Timestamp(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_loop_lease")),
    )
    op.create_table(
        "variable",
        sa.Column("id", Id(), nullable=False),
        sa.Column("created", Timestamp(), nullable=False),
        sa.Column("updated", Timestamp(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.Column("tags", sa.Text(), server_default="[]", nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_variable")),
        sa.UniqueConstraint("name", name=op.f("uq_variable__name")),
    )
    op.create_table(
        "work_pool",
        sa.Column("id", Id(), nullable=False),
        sa.Column("created", Timestamp(), nullable=False),
        sa.Column("updated", Timestamp(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("description", sa.Text(), nullable=True),
        sa.Column("type", sa.Text(), nullable=False),
        sa.Column("base_job_template", sa.Text(), server_default="{}", nullable=False),
        sa.Column("storage_configuration", sa.Text(), server_default="{}", nullable=False),
        sa.Column("is_paused", sa.Boolean(), server_default=sa.text("(false)"), nullable=False),
        sa.Column("concurrency_limit", sa.Integer(), nullable=True),
        sa.Column("default_queue_id", Id(), nullable=True),
        sa.Column("status", sa.Text(), server_default="NOT_READY", nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_work_pool")),
        sa.UniqueConstraint("name", name=op.f("uq_work_pool__name")),
    )
    op.create_table(
        "work_queue",
        sa.Column("id", Id(), nullable=False),
        sa.Column("created", Timestamp(), nullable=False),
        sa.Column("updated", Timestamp(), nullable=False),
        sa.Column("work_pool_id", Id(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("description", sa.Text(), server_default="", nullable=False),
        sa.Column("is_paused", sa.Boolean(), server_default=sa.text("(false)"), nullable=False),
        sa.Column("concurrency_limit", sa.Integer(), nullable=True),
        sa.Column("priority", sa.Integer(), nullable=False),
        sa.Column("last_polled", Timestamp(), nullable=True),
        sa.Column("status", sa.Text(), server_default="NOT_READY", nullable=False),
        sa.ForeignKeyConstraint(
            ["work_pool_id"],
            ["work_pool.id"],
            name=op.f("fk_work_queue__work_pool_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_work_queue")),
        sa.UniqueConstraint("work_pool_id", "name", name=op.f("uq_work_queue__work_pool_id_name")),
    )
    op.create_table(
        "worker",
        sa.Column("id", Id(), nullable=False),
        sa.Column("created", Timestamp(), nullable=False),
        sa.Column("updated", Timestamp(), nullable=False),
        sa.Column("work_pool_id", Id(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("last_heartbeat_time", Timestamp(), nullable=False),
        sa.Column("heartbeat_interval_seconds", sa.Integer(), nullable=True),
        sa.Column("status", sa.Text(), server_default="ONLINE", nullable=False),
        sa.Column("metadata", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(
            ["work_pool_id"],
            ["work_pool.id"],
            name=op.f("fk_worker__work_pool_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_worker")),
        sa.UniqueConstraint("work_pool_id", "name", name=op.f("uq_worker__work_pool_id_name")),
    )
    op.create_table(
        "deployment",
        sa.Column("id", Id(), nullable=False),
        sa.Column("created", Timestamp(), nullable=False),
        sa.Column("updated", Timestamp(), nullable=False),
        sa.Column("flow_id", Id(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("version", sa.Text(), nullable=True),
        sa.Column("version_id", Id(), nullable=True),
        sa.Column("branch", sa.Text(), nullable=True),
        sa.Column("version_info", sa.Text(), nullable=True),
        sa.Column("description", sa.Text(), nullable=True),
        sa.Column("paused", sa.Boolean(), server_default=sa.text("(false)"), nullable=False),
        sa.Column("tags", sa.Text(), server_default="[]", nullable=False),
        sa.Column("labels", sa.Text(), server_default="{}", nullable=False),
        sa.Column("parameters", sa.Text(), server_default="{}", nullable=False),
        sa.Column("job_variables", sa.Text(), server_default="{}", nullable=False),
        sa.Column("pull_steps", sa.Text(), nullable=True),
        sa.Column("entrypoint", sa.Text(), nullable=True),
        sa.Column("path", sa.Text(), nullable=True),
        sa.Column("storage_document_id", Id(), nullable=True),
        sa.Column("infrastructure_document_id", Id(), nullable=True),
        sa.Column("parameter_openapi_schema", sa.Text(), nullable=True),
        sa.Column(
            "enforce_parameter_schema",
            sa.Boolean(),
            server_default=sa.text("(true)"),
            nullable=False,
        ),
        sa.Column("concurrency_limit", sa.Integer(), nullable=True),
        sa.Column("concurrency_options", sa.Text(), nullable=True),
        sa.Column("work_queue_id", Id(), nullable=True),
        sa.Column("work_queue_name", sa.Text(), nullable=True),
        sa.Column("status", sa.Text(), server_default="NOT_READY", nullable=False),
        sa.Column("last_polled", Timestamp(), nullable=True),
        sa.Column("created_by", sa.Text(), nullable=True),
        sa.Column("updated_by", sa.Text(), nullable=True),
        sa.Column("sdk", sa.Text(), server_default="headrace", nullable=False),
        sa.ForeignKeyConstraint(
            ["flow_id"], ["flow.id"], name=op.f("fk_deployment__flow_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["work_queue_id"],
            ["work_queue.id"],
            name=op.f("fk_deployment__work_queue_id"),
            ondelete="SET NULL",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_deployment")),
        sa.UniqueConstraint("flow_id", "name", name=op.f("uq_deployment__flow_id_name")),
    )
    op.create_index("ix_deployment__work_queue_id", "deployment", ["work_queue_id"], unique=False)
    op.create_table(
        "deployment_schedule",
        sa.Column("id", Id(), nullable=False),
        sa.Column("created", Timestamp(), nullable=False),
        sa.Column("updated", Timestamp(), nullable=False),
        sa.Column("deployment_id", Id(), nullable=False),
        sa.Column("schedule", sa.Text(), nullable=False),
        sa.Column("active", sa.Boolean(), server_default=sa.text("(true)"), nullable=False),
        sa.Column("max_scheduled_runs", sa.Integer(), nullable=True),
        sa.Column("parameters", sa.Text(), server_default="{}", nullable=False),
        sa.Column("slug", sa.Text(), nullable=True),
        sa.Column("scheduled_until", Timestamp(), nullable=True),
        sa.ForeignKeyConstraint(
            ["deployment_id"],
            ["deployment.id"],
            name=op.f("fk_deployment_schedule__deployment_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_deployment_schedule")),
        sa.UniqueConstraint(
            "deployment_id", "slug", name=op.f("uq_deployment_schedule__deployment_id_slug")
        ),
    )
    op.create_index(
        "ix_deployment_schedule__deployment_id",
        "deployment_schedule",
        ["deployment_id"],
        unique=False,
    )
    op.create_table(
        "flow_run",
        sa.Column("id", Id(), nullable=False),
        sa.Column("created", Timestamp(), nullable=False),
        sa.Column("updated", Timestamp(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("tags", sa.Text(), server_default="[]", nullable=False),
        sa.Column("labels", sa.Text(), server_default="{}", nullable=False),
        sa.Column("empirical_policy", sa.Text(), server_default="{}", nullable=False),
        sa.Column("state_id", Id(), nullable=True),
        sa.Column("state_type", sa.Text(), nullable=True),
        sa.Column("state_name", sa.Text(), nullable=True),
        sa.Column("state_timestamp", Timestamp(), nullable=True),
        sa.Column("state", sa.Text(), nullable=True),
        sa.Column("run_count", sa.Integer(), server_default="0", nullable=False),
        sa.Column("expected_start_time", Timestamp(), nullable=True),
        sa.Column("next_scheduled_start_time", Timestamp(), nullable=True),
        sa.Column("start_time", Timestamp(), nullable=True),
        sa.Column("end_time", Timestamp(), nullable=True),
        sa.Column("total_run_time", sa.Double(), server_default="0", nullable=False),
        sa.Column("version", sa.Integer(), server_default="0", nullable=False),
        sa.Column("flow_id", Id(), nullable=False),
        sa.Column("deployment_id", Id(), nullable=True),
        sa.Column("deployment_version", sa.Text(), nullable=True),
        sa.Column("flow_version", sa.Text(), nullable=True),
        sa.Column("parameters", sa.Text(), server_default="{}", nullable=False),
        sa.Column("context", sa.Text(), server_default="{}", nullable=False),
        sa.Column("idempotency_key", sa.Text(), nullable=True),
        sa.Column("parent_task_run_id", Id(), nullable=True),
        sa.Column(
            "auto_scheduled", sa.Boolean(), server_default=sa.text("(false)"), nullable=False
        ),
        sa.Column("infrastructure_document_id", Id(), nullable=True),
        sa.Column("infrastructure_pid", sa.Text(), nullable=True),
        sa.Column("job_variables", sa.Text(), nullable=True),
        sa.Column("created_by", sa.Text(), nullable=True),
        sa.Column("work_queue_id", Id(), nullable=True),
        sa.Column("work_queue_name", sa.Text(), nullable=True),
        sa.Column("lease_owner", sa.Text(), nullable=True),
        sa.Column("lease_kind", sa.Text(), nullable=True),
        sa.Column("lease_expires", Timestamp(), nullable=True),
        sa.Column("claim_id", Id(), nullable=True),
        sa.Column("epoch", sa.Integer(), server_default="0", nullable=False),
        sa.Column("last_heartbeat", Timestamp(), nullable=True),
        sa.Column("wait_reason", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(
            ["deployment_id"],
            ["deployment.id"],
            name=op.f("fk_flow_run__deployment_id"),
            ondelete="SET NULL",
        ),
        sa.ForeignKeyConstraint(
            ["flow_id"], ["flow.id"], name=op.f("fk_flow_run__flow_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["work_queue_id"],
            ["work_queue.id"],
            name=op.f("fk_flow_run__work_queue_id"),
            ondelete="SET NULL",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_flow_run")),
    )
    op.create_index(
        "ix_flow_run__claim_id",
        "flow_run",
        ["claim_id"],
        unique=False,
        sqlite_where=sa.text("claim_id IS NOT NULL"),
        postgresql_where=sa.text("claim_id IS NOT NULL"),
    )
    op.create_index("ix_flow_run__deployment_id", "flow_run", ["deployment_id"], unique=False)
    op.create_index(
        "ix_flow_run__due_in_queue",
        "flow_run",
        ["work_queue_id", "next_scheduled_start_time", "id", "deployment_id"],
        unique=False,
        sqlite_where=sa.text("state_type = 'SCHEDULED' AND lease_owner IS NULL"),
        postgresql_where=sa.text("state_type = 'SCHEDULED' AND lease_owner IS NULL"),
    )
    op.create_index(
        "ix_flow_run__due_of_deployment",
        "flow_run",
        ["deployment_id", "next_scheduled_start_time", "id"],
        unique=False,
        sqlite_where=sa.text("state_type = 'SCHEDULED' AND lease_owner IS NULL"),
        postgresql_where=sa.text("state_type = 'SCHEDULED' AND lease_owner IS NULL"),
    )
    op.create_index("ix_flow_run__end_time", "flow_run", ["end_time"], unique=False)
    op.create_index(
        "ix_flow_run__expected_start_time", "flow_run", ["expected_start_time"], unique=False
    )
    op.create_index(
        "ix_flow_run__flow_id_start_time", "flow_run", ["flow_id", "start_time"], unique=False
    )
    op.create_index(
        "ix_flow_run__lease_expires",
        "flow_run",
        ["lease_expires"],
        unique=False,
        sqlite_where=sa.text("lease_expires IS NOT NULL"),
        postgresql_where=sa.text("lease_expires IS NOT NULL"),
    )
    op.create_index(
        "ix_flow_run__lease_owner",
        "flow_run",
        ["lease_owner", "state_type"],
        unique=False,
        sqlite_where=sa.text("lease_owner IS NOT NULL"),
        postgresql_where=sa.text("lease_owner IS NOT NULL"),
    )
    op.create_index(
        "ix_flow_run__live_in_queue",
        "flow_run",
        ["work_queue_id"],
        unique=False,
        sqlite_where=sa.text("state_type IN ('PENDING', 'RUNNING', 'CANCELLING')"),
        postgresql_where=sa.text("state_type IN ('PENDING', 'RUNNING', 'CANCELLING')"),
    )
    op.create_index(
        "ix_flow_run__live_of_deployment",
        "flow_run",
        ["deployment_id"],
        unique=False,
        sqlite_where=sa.text("state_type IN ('PENDING', 'RUNNING', 'CANCELLING')"),
        postgresql_where=sa.text("state_type IN ('PENDING', 'RUNNING', 'CANCELLING')"),
    )
    op.create_index("ix_flow_run__name", "flow_run", ["name"], unique=False)
    op.create_index(
        "ix_flow_run__parent_task_run_id", "flow_run", ["parent_task_run_id"], unique=False
    )
    op.create_index("ix_flow_run__start_time", "flow_run", ["start_time"], unique=False)
    op.create_index(
        "ix_flow_run__state_type_state_timestamp",
        "flow_run",
        ["state_type", "state_timestamp"],
        unique=False,
    )
    op.create_index(
        "uq_flow_run__flow_id_idempotency_key",
        "flow_run",
        ["flow_id", "idempotency_key"],
        unique=True,
        sqlite_where=sa.text("idempotency_key IS NOT NULL"),
        postgresql_where=sa.text("idempotency_key IS NOT NULL"),
    )
    op.create_table(
        "flow_run_input",
        sa.Column("id", Id(), nullable=False),
        sa.Column("created", Timestamp(), nullable=False),
        sa.Column("updated", Timestamp(), nullable=False),
        sa.Column("flow_run_id", Id(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.Column("sender", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(
            ["flow_run_id"],
            ["flow_run.id"],
            name=op.f("fk_flow_run_input__flow_run_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_flow_run_input")),
        sa.UniqueConstraint("flow_run_id", "key", name=op.f("uq_flow_run_input__flow_run_id_key")),
    )
    op.create_table(
        "flow_run_state",
        sa.Column("id", Id(), nullable=False),
        sa.Column("flow_run_id", Id(), nullable=False),
        sa.Column("timestamp", Timestamp(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["flow_run_id"],
            ["flow_run.id"],
            name=op.f("fk_flow_run_state__flow_run_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_flow_run_state")),
    )
    op.create_index(
        "ix_flow_run_state__flow_run_id_timestamp",
        "flow_run_state",
        ["flow_run_id", "timestamp"],
        unique=False,
    )
    op.create_table(
        "flow_run_tag",
        sa.Column("tag", sa.Text(), nullable=False),
        sa.Column("flow_run_id", Id(), nullable=False),
        sa.ForeignKeyConstraint(
            ["flow_run_id"],
            ["flow_run.id"],
            name=op.f("fk_flow_run_tag__flow_run_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("tag", "flow_run_id", name=op.f("pk_flow_run_tag")),
    )
    op.create_index("ix_flow_run_tag__flow_run_id", "flow_run_tag", ["flow_run_id"], unique=False)
    op.create_table(
        "task_run",
        sa.Column("id", Id(), nullable=False),
        sa.Column("created", Timestamp(), nullable=False),
        sa.Column("updated", Timestamp(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("tags", sa.Text(), server_default="[]", nullable=False),
        sa.Column("labels", sa.Text(), server_default="{}", nullable=False),
        sa.Column("empirical_policy", sa.Text(), server_default="{}", nullable=False),
        sa.Column("state_id", Id(), nullable=True),
        sa.Column("state_type", sa.Text(), nullable=True),
        sa.Column("state_name", sa.Text(), nullable=True),
        sa.Column("state_timestamp", Timestamp(), nullable=True),
        sa.Column("state", sa.Text(), nullable=True),
        sa.Column("run_count", sa.Integer(), server_default="0", nullable=False),
        sa.Column("expected_start_time", Timestamp(), nullable=True),
        sa.Column("next_scheduled_start_time", Timestamp(), nullable=True),
        sa.Column("start_time", Timestamp(), nullable=True),
        sa.Column("end_time", Timestamp(), nullable=True),
        sa.Column("total_run_time", sa.Double(), server_default="0", nullable=False),
        sa.Column("version", sa.Integer(), server_default="0", nullable=False),
        sa.Column("flow_run_id", Id(), nullable=True),
        sa.Column("task_key", sa.Text(), nullable=False),
        sa.Column("dynamic_key", sa.Text(), nullable=False),
        sa.Column("cache_key", sa.Text(), nullable=True),
        sa.Column("cache_expiration", Timestamp(), nullable=True),
        sa.Column("task_version", sa.Text(), nullable=True),
        sa.Column("flow_run_run_count", sa.Integer(), server_default="0", nullable=False),
        sa.Column("task_inputs", sa.Text(), server_default="{}", nullable=False),
        sa.ForeignKeyConstraint(
            ["flow_run_id"],
            ["flow_run.id"],
            name=op.f("fk_task_run__flow_run_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_task_run")),
        sa.UniqueConstraint(
            "flow_run_id",
            "task_key",
            "dynamic_key",
            name=op.f("uq_task_run__flow_run_id_task_key_dynamic_key"),
        ),
    )
    op.create_index("ix_task_run__end_time", "task_run", ["end_time"], unique=False)
    op.create_index(
        "ix_task_run__expected_start_time", "task_run", ["expected_start_time"], unique=False
    )
    op.create_index("ix_task_run__flow_run_id", "task_run", ["flow_run_id"], unique=False)
    op.create_index(
        "ix_task_run__cache_key",
        "task_run",
        ["cache_key"],
        unique=False,
        sqlite_where=sa.text("cache_key IS NOT NULL"),
        postgresql_where=sa.text("cache_key IS NOT NULL"),
    )
    op.create_index(
        "ix_task_run__state_type_state_timestamp",
        "task_run",
        ["state_type", "state_timestamp"],
        unique=False,
    )
    op.create_table(
        "task_run_state",
        sa.Column("id", Id(), nullable=False),
        sa.Column("task_run_id", Id(), nullable=False),
        sa.Column("timestamp", Timestamp(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["task_run_id"],
            ["task_run.id"],
            name=op.f("fk_task_run_state__task_run_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_task_run_state")),
    )
    op.create_index(
        "ix_task_run_state__task_run_id_timestamp",
        "task_run_state",
        ["task_run_id", "timestamp"],
        unique=False,
    )


def downgrade() -> None:
    """Take it back."""
    op.drop_index("ix_task_run_state__task_run_id_timestamp", table_name="task_run_state")
    op.drop_table("task_run_state")
    op.drop_index("ix_task_run__state_type_state_timestamp", table_name="task_run")
    op.drop_index("ix_task_run__flow_run_id", table_name="task_run")
    op.drop_index(
        "ix_task_run__cache_key",
        table_name="task_run",
        sqlite_where=sa.text("cache_key IS NOT NULL"),
        postgresql_where=sa.text("cache_key IS NOT NULL"),
    )
    op.drop_index("ix_task_run__expected_start_time", table_name="task_run")
    op.drop_index("ix_task_run__end_time", table_name="task_run")
    op.drop_table("task_run")
    op.drop_index("ix_flow_run_tag__flow_run_id", table_name="flow_run_tag")
    op.drop_table("flow_run_tag")
    op.drop_index("ix_flow_run_state__flow_run_id_timestamp", table_name="flow_run_state")
    op.drop_table("flow_run_state")
    op.drop_table("flow_run_input")
    op.drop_index(
        "uq_flow_run__flow_id_idempotency_key",
        table_name="flow_run",
        sqlite_where=sa.text("idempotency_key IS NOT NULL"),
        postgresql_where=sa.text("idempotency_key IS NOT NULL"),
    )
    op.drop_index("ix_flow_run__state_type_state_timestamp", table_name="flow_run")
    op.drop_index("ix_flow_run__start_time", table_name="flow_run")
    op.drop_index("ix_flow_run__parent_task_run_id", table_name="flow_run")
    op.drop_index("ix_flow_run__name", table_name="flow_run")
    op.drop_index(
        "ix_flow_run__live_of_deployment",
        table_name="flow_run",
        sqlite_where=sa.text("state_type IN ('PENDING', 'RUNNING', 'CANCELLING')"),
        postgresql_where=sa.text("state_type IN ('PENDING', 'RUNNING', 'CANCELLING')"),
    )
    op.drop_index(
        "ix_flow_run__live_in_queue",
        table_name="flow_run",
        sqlite_where=sa.text("state_type IN ('PENDING', 'RUNNING', 'CANCELLING')"),
        postgresql_where=sa.text("state_type IN ('PENDING', 'RUNNING', 'CANCELLING')"),
    )
    op.drop_index(
        "ix_flow_run__lease_owner",
        table_name="flow_run",
        sqlite_where=sa.text("lease_owner IS NOT NULL"),
        postgresql_where=sa.text("lease_owner IS NOT NULL"),
    )
    op.drop_index(
        "ix_flow_run__lease_expires",
        table_name="flow_run",
        sqlite_where=sa.text("lease_expires IS NOT NULL"),
        postgresql_where=sa.text("lease_expires IS NOT NULL"),
    )
    op.drop_index("ix_flow_run__flow_id_start_time", table_name="flow_run")
    op.drop_index("ix_flow_run__expected_start_time", table_name="flow_run")
    op.drop_index("ix_flow_run__end_time", table_name="flow_run")
    op.drop_index(
        "ix_flow_run__due_of_deployment",
        table_name="flow_run",
        sqlite_where=sa.text("state_type = 'SCHEDULED' AND lease_owner IS NULL"),
        postgresql_where=sa.text("state_type = 'SCHEDULED' AND lease_owner IS NULL"),
    )
    op.drop_index(
        "ix_flow_run__due_in_queue",
        table_name="flow_run",
        sqlite_where=sa.text("state_type = 'SCHEDULED' AND lease_owner IS NULL"),
        postgresql_where=sa.text("state_type = 'SCHEDULED' AND lease_owner IS NULL"),
    )
    op.drop_index("ix_flow_run__deployment_id", table_name="flow_run")
    op.drop_index(
        "ix_flow_run__claim_id",
        table_name="flow_run",
        sqlite_where=sa.text("claim_id IS NOT NULL"),
        postgresql_where=sa.text("claim_id IS NOT NULL"),
    )
    op.drop_table("flow_run")
    op.drop_index("ix_deployment_schedule__deployment_id", table_name="deployment_schedule")
    op.drop_table("deployment_schedule")
    op.drop_index("ix_deployment__work_queue_id", table_name="deployment")
    op.drop_table("deployment")
    op.drop_table("worker")
    op.drop_table("work_queue")
    op.drop_table("work_pool")
    op.drop_table("variable")
    op.drop_table("loop_lease")
    op.drop_index("ix_log__timestamp", table_name="log")
    op.drop_index("ix_log__task_run_id_timestamp", table_name="log")
    op.drop_index("ix_log__flow_run_id_timestamp", table_name="log")
    op.drop_table("log")
    op.drop_table("installation")
    op.drop_table("flow")
    op.drop_index("ix_event__resource_id_occurred", table_name="event")
    op.drop_index("ix_event__occurred", table_name="event")
    op.drop_table("event")
    if op.get_context().dialect.supports_sequences:
        op.execute(DropSequence(sa.Sequence(SEQUENCE)))
