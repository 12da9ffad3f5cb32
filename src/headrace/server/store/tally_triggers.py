"""The triggers that keep the tallies of runs that are over, and the statement that first fills them.

They are the database's own, so that no way of writing a run (a change of state, an event, retention, a
flow that is deleted with its runs) can forget them. Each body is one line: scripts are cut at line ends.
"""

from collections.abc import Iterator

from sqlalchemy.engine import Dialect

TALLIED = ("flow_run", "task_run")
"""Tables of runs; the tally of each is named after it."""

_OVER = "('COMPLETED', 'FAILED', 'CANCELLED', 'CRASHED')"
_COUNTED = "state_type, state_name, expected_start_time, start_time, total_run_time"
_COLUMNS = "(hour, state_type, state_name, slot, runs, run_time, lateness)"
_NEVER = "0001-01-01T00:00:00.000000Z"
"""The hour of runs without an expected start."""


# S608 where it is switched off: every part of these texts is written in this module.
def creation_of_triggers(dialect: Dialect) -> Iterator[str]:
    """The statements that make the triggers; the tables and tallies are there."""
    for table in TALLIED:
        yield from _on_postgresql(table) if dialect.name == "postgresql" else _on_sqlite(table)


def removal_of_triggers(dialect: Dialect) -> Iterator[str]:
    """The statements that take them away."""
    for table in TALLIED:
        for event in ("insert", "update", "delete"):
            name = f"{table}_tally_{event}"
            on = f" ON {table}" if dialect.name == "postgresql" else ""
            yield f"DROP TRIGGER {name}{on}"
        if dialect.name == "postgresql":
            yield f"DROP FUNCTION {table}_tally()"


def filling_of_tallies(dialect: Dialect) -> Iterator[str]:
    """The statements that count what is in the tables already."""
    for table in TALLIED:
        hour, run_time, lateness = _reckoned(dialect.name, f"{table}.")
        yield (
            f"INSERT INTO {table}_tally {_COLUMNS} SELECT {hour}, state_type, "  # noqa: S608
            f"coalesce(state_name, ''), 0, count(*), sum({run_time}), sum({lateness}) "
            f"FROM {table} WHERE state_type IN {_OVER} GROUP BY 1, 2, 3"
        )


def _reckoned(dialect: str, run: str) -> tuple[str, str, str]:
    """The hour, run time and lateness (microseconds) of a run, as SQL; `run` is a prefix: `NEW.`."""
    expected, started = f"{run}expected_start_time", f"{run}start_time"
    if dialect == "postgresql":
        hour = f"coalesce(date_trunc('hour', {expected}, 'UTC'), '{_NEVER}')"
        late = f"CAST(extract(epoch FROM ({started} - {expected})) * 1000000 AS bigint)"
        whole = "bigint"
    else:
        hour = f"coalesce(substr({expected}, 1, 13) || substr('{_NEVER}', 14), '{_NEVER}')"
        late = (
            f"(unixepoch({started}) - unixepoch({expected})) * 1000000"
            f" + substr({started}, 21, 6) - substr({expected}, 21, 6)"
        )
        whole = "integer"
    lateness = f"CASE WHEN {started} > {expected} THEN {late} ELSE 0 END"
    return hour, f"CAST(round({run}total_run_time * 1000000) AS {whole})", lateness


def _count(dialect: str, table: str, run: str, sign: str) -> str:
    """Add a run (`NEW.`, `+`) or take it away (`OLD.`, `-`), if it is over."""
    slot = "pg_backend_pid()" if dialect == "postgresql" else "0"
    hour, run_time, lateness = _reckoned(dialect, run)
    sums = ", ".join(
        f"{name} = {table}_tally.{name} + excluded.{name}"
        for name in ("runs", "run_time", "lateness")
    )
    return (
        f"INSERT INTO {table}_tally {_COLUMNS} SELECT {hour}, {run}state_type, "
        f"coalesce({run}state_name, ''), {slot}, {sign}1, {sign}{run_time}, {sign}{lateness} "
        f"WHERE {run}state_type IN {_OVER} "
        f"ON CONFLICT (hour, state_type, state_name, slot) DO UPDATE SET {sums};"
    )


def _events(table: str) -> Iterator[tuple[str, str, str, tuple[tuple[str, str], ...]]]:
    """Each trigger's name, event, condition, and what it counts."""
    added, taken = ("NEW.", "+"), ("OLD.", "-")
    was, is_now = (f"{run}state_type IN {_OVER}" for run in ("OLD.", "NEW."))
    yield f"{table}_tally_insert", "INSERT", is_now, (added,)
    yield f"{table}_tally_update", f"UPDATE OF {_COUNTED}", f"{was} OR {is_now}", (taken, added)
    yield f"{table}_tally_delete", "DELETE", was, (taken,)


def _on_sqlite(table: str) -> Iterator[str]:
    for name, event, condition, counted in _events(table):
        body = " ".join(_count("sqlite", table, *one) for one in counted)
        yield (
            f"CREATE TRIGGER {name} AFTER {event} ON {table} FOR EACH ROW WHEN {condition} "
            f"BEGIN {body} END"
        )


def _on_postgresql(table: str) -> Iterator[str]:
    added, taken = (_count("postgresql", table, *one) for one in (("NEW.", "+"), ("OLD.", "-")))
    yield (
        f"CREATE OR REPLACE FUNCTION {table}_tally() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN "
        f"IF TG_OP <> 'INSERT' THEN {taken} END IF; "
        f"IF TG_OP <> 'DELETE' THEN {added} END IF; RETURN NULL; END$$"
    )
    for name, event, condition, _ in _events(table):
        yield (
            f"CREATE TRIGGER {name} AFTER {event} ON {table} FOR EACH ROW WHEN ({condition}) "
            f"EXECUTE FUNCTION {table}_tally()"
        )
