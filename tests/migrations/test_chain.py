"""The chain of revisions, and what opening does with databases of every age and origin."""

import asyncio
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Engine, inspect, text

from headrace.errors import DatabaseNotOurs
from headrace.server.store.migrate import APPLICATION_ID, VERSION_TABLE, known_revisions
from headrace.server.store.migrations.draft import differs_in_default
from headrace.server.store.migrations.runner import (
    downgrade,
    find_current,
    postgresql_engine,
    sqlite_engine,
    upgrade,
    upgrade_script,
)
from headrace.server.store.open import open_database
from headrace.server.store.schema import metadata

KEY = "00000000-0000-0000-0000-000000000001"


@pytest.fixture(params=["sqlite", "postgresql"])
def engine(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Engine]:
    """An engine on an empty database."""
    if request.param == "sqlite":
        yield sqlite_engine(tmp_path / "empty.db")
        return
    server = request.getfixturevalue("postgresql_server")
    url = server.create()
    yield postgresql_engine(url)
    server.drop(url)


def open_and_close(url: str) -> None:
    async def run() -> None:
        await (await open_database(url)).close()

    asyncio.run(run())


def differences(engine: Engine) -> list[object]:
    with engine.connect() as connection:
        context = MigrationContext.configure(
            connection,
            opts={
                "version_table": VERSION_TABLE,
                "compare_type": True,
                "compare_server_default": differs_in_default,
            },
        )
        return compare_metadata(context, metadata)


def describe(engine: Engine) -> dict[str, object]:
    """Tables with their columns, keys and indexes, as the database tells them."""
    found = inspect(engine)
    return {
        table: (
            sorted(
                (c["name"], str(c["type"]), c["nullable"], str(c["default"]))
                for c in found.get_columns(table)
            ),
            found.get_pk_constraint(table),
            sorted(found.get_foreign_keys(table), key=str),
            sorted(found.get_unique_constraints(table), key=str),
            sorted(
                (
                    i["name"],
                    i["column_names"],
                    i["unique"],
                    [str(where) for where in i.get("dialect_options", {}).values()],
                )
                for i in found.get_indexes(table)
            ),
        )
        for table in found.get_table_names()
    }


def triggers(engine: Engine) -> list[tuple[object, ...]]:
    """Triggers with what they do, as the database tells them."""
    queries = {
        "sqlite": "SELECT name, sql FROM sqlite_master WHERE type = 'trigger' ORDER BY name",
        "postgresql": "SELECT tgname, pg_get_triggerdef(t.oid), prosrc FROM pg_trigger t"
        " JOIN pg_proc p ON p.oid = tgfoid WHERE NOT tgisinternal ORDER BY tgname",
    }
    with engine.connect() as connection:
        return [tuple(row) for row in connection.execute(text(queries[engine.dialect.name]))]


def test_the_chain_leads_to_the_schema(engine: Engine) -> None:
    """After all revisions nothing is left that `schema` says and the database does not.

    When this fails you changed `schema.py`: write a revision with `migrations/draft.py`.
    """
    upgrade(engine)
    assert differences(engine) == []
    assert find_current(engine) == known_revisions()[-1]


def test_creating_and_migrating_come_to_the_same(
    engine: Engine, request: pytest.FixtureRequest
) -> None:
    """A database that is created at once is like one that went along the chain."""
    upgrade(engine)
    migrated = describe(engine)
    if engine.dialect.name == "sqlite":
        url = request.getfixturevalue("sqlite_url")
        open_and_close(url)
        created = sqlite_engine(Path(url.removeprefix("sqlite:///")))
    else:
        created = postgresql_engine(request.getfixturevalue("postgresql_url"))
    assert describe(created) == migrated
    # a revision that makes a table of runs anew loses its triggers: it must make them again
    assert len(triggers(created)) == 6
    assert triggers(created) == triggers(engine)


def test_runs_that_are_there_are_tallied(engine: Engine) -> None:
    """An older database counts the runs it has when it comes to the revision that tallies."""
    upgrade(engine, "0011")
    stamp = "2026-01-01T12:34:56.789000Z"
    with engine.begin() as connection:
        connection.execute(
            text(
                f"INSERT INTO flow (id, created, updated, name) VALUES ('{KEY}', '{stamp}', '{stamp}', 'f')"
            )
        )
        for n, state in enumerate(["COMPLETED", "COMPLETED", "FAILED", "RUNNING"]):
            key = f"{KEY[:-1]}{n}"
            connection.execute(
                text(
                    "INSERT INTO flow_run (id, created, updated, name, flow_id, state_type, state_name,"
                    " expected_start_time, start_time, total_run_time)"
                    f" VALUES ('{key}', '{stamp}', '{stamp}', 'r', '{KEY}', '{state}', '{state}',"
                    f" '{stamp}', '2026-01-01T12:35:00.000000Z', 1.5)"
                )
            )
    upgrade(engine)
    with engine.begin() as connection:
        change = f"UPDATE flow_run SET state_type = 'FAILED' WHERE id = '{KEY[:-1]}3'"
        connection.execute(text(change))
        query = "SELECT state_type, sum(runs), sum(run_time), sum(lateness) FROM flow_run_tally"
        found = connection.execute(text(f"{query} GROUP BY state_type ORDER BY state_type"))
        assert [tuple(map(str, row)) for row in found] == [
            ("COMPLETED", "2", "3000000", "6422000"),
            ("FAILED", "2", "3000000", "6422000"),
        ]


def test_the_way_back(engine: Engine) -> None:
    """Going back to the beginning leaves no table of ours, and forward again works."""
    upgrade(engine)
    downgrade(engine, "base")
    assert set(inspect(engine).get_table_names()) == {VERSION_TABLE}
    upgrade(engine)
    assert differences(engine) == []


def test_the_sql_of_an_upgrade_can_be_read_first(engine: Engine) -> None:
    """The dry run prints statements that, run by hand, make the schema."""
    script = upgrade_script(engine.dialect.name, "base")
    with engine.begin() as connection:
        for statement in script.split(";\n"):
            lines = [line for line in statement.splitlines() if not line.startswith("--")]
            body = "\n".join(lines).strip()
            if body and body not in {"BEGIN", "COMMIT"}:
                connection.execute(text(body))
    assert differences(engine) == []


def test_revisions_are_numbered_without_gaps() -> None:
    """The files' leading numbers are the revisions, each one more than the last."""
    revisions = known_revisions()
    assert revisions == [f"{n:04}" for n in range(1, len(revisions) + 1)]


def test_an_up_to_date_database_opens_without_alembic(sqlite_url: str) -> None:
    """Neither creating nor reopening a database imports Alembic."""
    program = (
        "import asyncio, sys\n"
        "from headrace.server.store.open import open_database\n"
        "async def run():\n"
        f"    await (await open_database({sqlite_url!r})).close()\n"
        "asyncio.run(run()); asyncio.run(run())\n"
        "print([name for name in ('alembic', 'psycopg', 'uvicorn') if name in sys.modules])\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout.strip() == "[]"


def test_a_newer_sqlite_database_is_left_untouched(sqlite_url: str) -> None:
    """A version that this Headrace does not know is refused, and no byte changes."""
    open_and_close(sqlite_url)
    path = Path(sqlite_url.removeprefix("sqlite:///"))
    with sqlite3.connect(path) as connection:
        connection.execute(f"UPDATE {VERSION_TABLE} SET version_num = '9999'")
    connection.close()
    before = path.read_bytes()
    with pytest.raises(DatabaseNotOurs, match="9999"):
        open_and_close(sqlite_url)
    assert path.read_bytes() == before


def test_a_newer_postgresql_database_is_left_untouched(postgresql_url: str) -> None:
    """A version that this Headrace does not know is refused."""
    with psycopg.connect(postgresql_url, autocommit=True) as connection:
        connection.execute(f"UPDATE {VERSION_TABLE} SET version_num = '9999'".encode())
    with pytest.raises(DatabaseNotOurs, match="9999"):
        open_and_close(postgresql_url)


def test_another_programs_sqlite_file_is_left_untouched(tmp_path: Path) -> None:
    """A database without our mark, or no database at all, is refused; nothing appears beside it."""
    other = tmp_path / "other.db"
    with sqlite3.connect(other) as connection:
        connection.execute("CREATE TABLE flow (id TEXT)")
    connection.close()
    letter = tmp_path / "letter.txt"
    letter.write_text("Dear database,\n" * 20)
    for path in (other, letter):
        before = path.read_bytes()
        with pytest.raises(DatabaseNotOurs):
            open_and_close(str(path))
        assert path.read_bytes() == before
    assert sorted(tmp_path.iterdir()) == [letter, other]


def test_another_programs_postgresql_database_is_left_untouched(
    request: pytest.FixtureRequest,
) -> None:
    """Tables that are not ours are a reason to touch nothing."""
    server = request.getfixturevalue("postgresql_server")
    url = server.create()
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("CREATE TABLE flow (id int)")
    with pytest.raises(DatabaseNotOurs):
        open_and_close(url)
    with psycopg.connect(url) as connection:
        tables = connection.execute("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'")
        assert tables.fetchone() == (1,)
    server.drop(url)


def test_servers_that_start_together_create_one_schema(request: pytest.FixtureRequest) -> None:
    """Of several servers on an empty PostgreSQL database one creates, the others find it made."""
    server = request.getfixturevalue("postgresql_server")
    url = server.create()

    async def run() -> None:
        databases = await asyncio.gather(*(open_database(url) for _ in range(3)))
        for database in databases:
            await database.close()

    asyncio.run(run())
    server.drop(url)


def test_our_sqlite_files_can_be_told(sqlite_url: str) -> None:
    """The file's header carries our mark from the first byte on."""
    open_and_close(sqlite_url)
    header = Path(sqlite_url.removeprefix("sqlite:///")).read_bytes()[:100]
    assert int.from_bytes(header[68:72], "big") == APPLICATION_ID
