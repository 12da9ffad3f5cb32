"""What the questions name: ids read from the database that is asked."""

import random
from dataclasses import dataclass
from datetime import datetime

import apsw
import psycopg

PAST_RUNS = "SELECT id FROM flow_run WHERE end_time IS NOT NULL ORDER BY end_time DESC LIMIT 50000"
NEWEST = "SELECT max(start_time) FROM flow_run"


@dataclass(frozen=True)
class Known:
    """Some ids of a loaded database; `now` is where its past ends."""

    now: datetime
    flows: list[str]
    deployments: list[str]
    runs: list[str]

    @classmethod
    def of(cls, database: str, many: int, seed: int) -> "Known":
        """Read them; `many` runs out of the newest 50,000 that are over."""
        [[newest]] = _read(database, NEWEST)
        runs = sorted(row[0] for row in _read(database, PAST_RUNS))
        return cls(
            _moment(newest),
            sorted(row[0] for row in _read(database, "SELECT id FROM flow")),
            sorted(row[0] for row in _read(database, "SELECT id FROM deployment")),
            random.Random(seed).sample(runs, many),
        )


def is_loaded(database: str) -> bool:
    """Whether it holds runs."""
    try:
        return bool(_read(database, "SELECT 1 FROM flow_run LIMIT 1"))
    except (apsw.Error, psycopg.Error):
        return False


def _moment(newest: str | datetime) -> datetime:
    if isinstance(newest, datetime):
        return newest.replace(tzinfo=None)
    return datetime.fromisoformat(newest.removesuffix("Z"))


def _read(database: str, query: str) -> list[tuple]:
    if database.startswith("postgresql"):
        with psycopg.connect(database) as connection:
            rows = connection.execute(query.encode()).fetchall()
            return [tuple(str(v) if hasattr(v, "hex") else v for v in row) for row in rows]
    connection = apsw.Connection(database, flags=apsw.SQLITE_OPEN_READONLY)
    try:
        return list(connection.execute(query))
    finally:
        connection.close()
