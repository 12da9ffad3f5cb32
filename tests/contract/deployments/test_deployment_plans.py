"""The loops' queries go through an index on a database that never gathered statistics."""

import apsw
import pytest
from sqlalchemy.dialects import sqlite

from headrace.server.store import cancellations, deployment_schedules, lateness, retention
from headrace.server.store.migrate import creation_script

WANTED = [
    (lateness.LATE, "ix_flow_run__late_from (next_scheduled_start_time<?)"),
    (lateness.FIRST_SCHEDULED, "ix_flow_run__late_from"),
    (retention.FIRST_RUN, "ix_flow_run__end_time (end_time<?)"),
    (retention.RUNS, "ix_flow_run__end_time (end_time<?)"),
    (retention.OLD_EVENTS, "ix_event__occurred (occurred<?)"),
    (deployment_schedules.DUE, "ix_deployment_schedule__look_again"),
    (deployment_schedules.NEXT_LOOK, "ix_deployment_schedule__look_again"),
    (deployment_schedules.DELETE_PLANNED, "ix_flow_run__due_of_deployment (deployment_id=?)"),
    (deployment_schedules.DELETE_PLANNED_BY, "ix_flow_run__due_of_deployment (deployment_id=?)"),
    (cancellations.OPEN_TASK_RUNS, "(state_type=? AND state_timestamp>?)"),
    (cancellations.OPEN_SUB_FLOWS, "(state_type=? AND state_timestamp>?)"),
    (cancellations.STUCK, "(state_type=? AND state_timestamp<?)"),
]


@pytest.fixture(scope="module")
def empty():
    connection = apsw.Connection(":memory:")
    for statement in creation_script(sqlite.dialect()):
        connection.execute(statement)
    yield connection
    connection.close()


@pytest.mark.parametrize(("statement", "wanted"), WANTED)
def test_the_index_is_used(empty, statement, wanted):
    """Each query starts from the index that was made for it."""
    compiled = statement.construct.compile(dialect=sqlite.dialect(paramstyle="named"))
    values = dict.fromkeys(compiled.params, 1)
    plan = [row[3] for row in empty.execute(f"EXPLAIN QUERY PLAN {compiled}", values)]
    assert any(wanted in step for step in plan), plan
