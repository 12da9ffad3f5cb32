"""How many runs ended in which state, hour by hour: what counts and histories of many runs add up.

Kept by the database itself (`tally_triggers.py`), in the transaction that changes a run.
"""

from sqlalchemy import BigInteger, Column, Integer, Table, Text

from headrace.server.store.schema.columns import Timestamp, metadata


def _tally(name: str) -> Table:
    return Table(
        name,
        metadata,
        # The beginning of the hour in which the runs were to start.
        Column("hour", Timestamp, primary_key=True),
        Column("state_type", Text, primary_key=True),
        Column("state_name", Text, primary_key=True),
        # PostgreSQL: the session that counts here, so that none waits for another. SQLite: zero.
        Column("slot", Integer, primary_key=True, autoincrement=False),
        Column("runs", BigInteger, nullable=False),
        # Whole microseconds: sums that are added to and taken from for years stay exact.
        Column("run_time", BigInteger, nullable=False),
        Column("lateness", BigInteger, nullable=False),
        sqlite_with_rowid=False,
    )


flow_run_tally = _tally("flow_run_tally")
task_run_tally = _tally("task_run_tally")
