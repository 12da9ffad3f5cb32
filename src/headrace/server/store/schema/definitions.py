"""What runs come from: flows, deployments and their schedules; where they go: pools, queues, workers."""

from sqlalchemy import Boolean, Column, Index, Integer, Text, UniqueConstraint, text

from headrace.server.store.schema.columns import Id, Json, Timestamp, reference, table

flow = table(
    "flow",
    Column("name", Text, nullable=False, unique=True),
    Column("tags", Json, nullable=False, server_default="[]"),
    Column("labels", Json, nullable=False, server_default="{}"),
)

work_pool = table(
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

work_queue = table(
    "work_queue",
    reference("work_pool_id", "work_pool.id"),
    Column("name", Text, nullable=False),
    Column("description", Text, nullable=False, server_default=""),
    Column("is_paused", Boolean, nullable=False, server_default=text("false")),
    Column("concurrency_limit", Integer),
    Column("priority", Integer, nullable=False),
    Column("last_polled", Timestamp),
    Column("status", Text, nullable=False, server_default="NOT_READY"),
    UniqueConstraint("work_pool_id", "name"),
)

worker = table(
    "worker",
    reference("work_pool_id", "work_pool.id"),
    Column("name", Text, nullable=False),
    Column("last_heartbeat_time", Timestamp, nullable=False),
    Column("heartbeat_interval_seconds", Integer),
    Column("status", Text, nullable=False, server_default="ONLINE"),
    Column("metadata", Json),
    UniqueConstraint("work_pool_id", "name"),
)

deployment = table(
    "deployment",
    reference("flow_id", "flow.id"),
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
    # A limit of its own name that others may share. Whoever deletes it clears this.
    Column("shared_limit_id", Id),
    reference("work_queue_id", "work_queue.id", nullable=True, on_delete="SET NULL"),
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

deployment_schedule = table(
    "deployment_schedule",
    reference("deployment_id", "deployment.id"),
    Column("schedule", Json, nullable=False),
    Column("active", Boolean, nullable=False, server_default=text("true")),
    Column("max_scheduled_runs", Integer),
    Column("parameters", Json, nullable=False, server_default="{}"),
    Column("slug", Text),
    # What is done about times that passed; null: what the contract does.
    Column("misfire", Json),
    # Runs were made for its dates up to this one; null since it was changed or paused.
    Column("planned_to", Timestamp),
    # When the scheduling loop looks at it next; null means now.
    Column("look_again", Timestamp),
    UniqueConstraint("deployment_id", "slug"),
)

Index("ix_deployment__work_queue_id", deployment.c.work_queue_id)
Index("ix_deployment__shared_limit_id", deployment.c.shared_limit_id)
Index("ix_deployment_schedule__look_again", deployment_schedule.c.look_again)
Index("ix_deployment_schedule__deployment_id", deployment_schedule.c.deployment_id)
