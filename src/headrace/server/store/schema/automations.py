"""Automations: what to wait for, and what to do then."""

from sqlalchemy import Boolean, Column, ForeignKey, Index, Table, Text, text

from headrace.server.store.schema.columns import Id, Json, metadata, table

automation = table(
    "automation",
    Column("name", Text, nullable=False),
    Column("description", Text, nullable=False, server_default=""),
    Column("enabled", Boolean, nullable=False, server_default=text("true")),
    Column("tags", Json, nullable=False, server_default="[]"),
    Column("trigger", Json, nullable=False),
    Column("actions", Json, nullable=False),
    Column("actions_on_trigger", Json, nullable=False, server_default="[]"),
    Column("actions_on_resolve", Json, nullable=False, server_default="[]"),
    # The resource that it goes with: a deployment whose file declares it, say.
    Column("owner_resource", Text),
)

# Resources that an automation is about, its owner among them.
automation_resource = Table(
    "automation_resource",
    metadata,
    Column("resource_id", Text, primary_key=True),
    Column("automation_id", Id, ForeignKey("automation.id", ondelete="CASCADE"), primary_key=True),
    Index("ix_automation_resource__automation_id", "automation_id"),
)

Index("ix_automation__name", automation.c.name)
Index("ix_automation__owner_resource", automation.c.owner_resource)
