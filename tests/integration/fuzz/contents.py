"""What a database holds, to see that a refused request left it as it was."""

import sqlite3
from contextlib import closing
from hashlib import sha256

import psycopg
from psycopg import sql

from headrace.server.store.schema import metadata


def digest(url: str) -> dict[str, str]:
    """A hash of the rows of each table."""
    names = sorted(metadata.tables)
    if url.startswith("sqlite"):
        with closing(sqlite3.connect(url.removeprefix("sqlite:///"))) as database:
            return {name: _hash(database.execute(f'SELECT * FROM "{name}"')) for name in names}
    with psycopg.connect(url) as connection, connection.cursor() as cursor:
        found = {}
        for name in names:
            found[name] = _hash(
                cursor.execute(sql.SQL("SELECT * FROM {}").format(sql.Identifier(name)))
            )
        return found


def _hash(rows: object) -> str:
    return sha256(repr(sorted(map(repr, rows))).encode()).hexdigest()
