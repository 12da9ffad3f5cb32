"""The tables, once for SQLite and PostgreSQL.

Conventions that hold for every table:

- An id is a UUID: `CHAR(36)` text on SQLite, `uuid` on PostgreSQL. The store takes and gives `str`.
- A time is `Timestamp`: on SQLite fixed-width text `2026-11-21T00:33:00.123456Z`, which sorts and
  compares as time does; `timestamptz` on PostgreSQL. The store takes and gives that text on both, so
  that a row goes to JSON without being parsed.
- A JSON value is text that is stored as it is sent and passed through as it is stored.
- `version` counts the changes of a row's state: the compare-and-set of every change of state.
"""

from headrace.server.store.schema.artifacts import artifact, artifact_collection
from headrace.server.store.schema.automations import automation, automation_resource
from headrace.server.store.schema.blocks import (
    block_document,
    block_document_reference,
    block_schema,
    block_type,
)
from headrace.server.store.schema.bundles import bundle, bundle_piece
from headrace.server.store.schema.columns import Id, Json, Timestamp, metadata
from headrace.server.store.schema.definitions import (
    deployment,
    deployment_schedule,
    flow,
    work_pool,
    work_queue,
    worker,
)
from headrace.server.store.schema.deliveries import task_delivery, task_worker
from headrace.server.store.schema.limits import (
    concurrency_lease,
    concurrency_limit,
    concurrency_slot,
)
from headrace.server.store.schema.log_pieces import log_piece, log_stretch
from headrace.server.store.schema.records import event, flow_run_input, log, variable
from headrace.server.store.schema.runs import (
    flow_run,
    flow_run_state,
    flow_run_tag,
    task_run,
    task_run_state,
)
from headrace.server.store.schema.searches import saved_search
from headrace.server.store.schema.server import installation, loop_lease
from headrace.server.store.schema.tallies import flow_run_tally, task_run_tally

__all__ = [
    "Id",
    "Json",
    "Timestamp",
    "metadata",
    "flow",
    "work_pool",
    "work_queue",
    "worker",
    "deployment",
    "deployment_schedule",
    "artifact",
    "automation",
    "automation_resource",
    "artifact_collection",
    "bundle",
    "bundle_piece",
    "block_type",
    "block_schema",
    "block_document",
    "block_document_reference",
    "concurrency_limit",
    "concurrency_lease",
    "concurrency_slot",
    "log",
    "log_piece",
    "log_stretch",
    "event",
    "flow_run_input",
    "variable",
    "saved_search",
    "flow_run",
    "flow_run_state",
    "flow_run_tag",
    "flow_run_tally",
    "task_run_tally",
    "task_run",
    "task_run_state",
    "task_delivery",
    "task_worker",
    "loop_lease",
    "installation",
]
