"""Concurrency limits, and who holds their slots."""

from sqlalchemy import Boolean, Column, Float, Index, Integer, Text, text

from headrace.server.store.schema.columns import Id, Timestamp, reference, table

concurrency_limit = table(
    "concurrency_limit",
    Column("name", Text, nullable=False, unique=True),
    Column("limit", Integer, nullable=False),
    Column("active", Boolean, nullable=False, server_default=text("true")),
    Column("slot_decay_per_second", Float, nullable=False, server_default="0"),
    Column("avg_slot_occupancy_seconds", Float, nullable=False, server_default="2"),
    Column("denied_slots", Integer, nullable=False, server_default="0"),
    # Slots taken without a lease, as of `taken_at`: the contract has clients that count by hand, and
    # rate limits, whose slots free themselves. All others are rows of `concurrency_slot`.
    Column("taken", Float, nullable=False, server_default="0"),
    Column("taken_at", Timestamp, nullable=False),
)

concurrency_lease = table(
    "concurrency_lease",
    Column("slots", Integer, nullable=False),  # of each of its limits
    Column("expires", Timestamp),  # null: as long as its holder is not over
    Column("holder_type", Text),
    Column("holder_id", Id),
)

concurrency_slot = table(
    "concurrency_slot",
    reference("lease_id", "concurrency_lease.id"),
    reference("limit_id", "concurrency_limit.id"),
)

Index("ix_concurrency_slot__limit_id", concurrency_slot.c.limit_id)
Index("ix_concurrency_slot__lease_id", concurrency_slot.c.lease_id)
Index("ix_concurrency_lease__expires", concurrency_lease.c.expires)
Index("ix_concurrency_lease__holder_id", concurrency_lease.c.holder_id)
