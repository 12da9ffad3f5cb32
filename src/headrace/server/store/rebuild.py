"""Taking a database back along the chain of revisions, and beginning anew; with no server in it."""

from collections.abc import Generator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import apsw

from headrace._bindings import load
from headrace.errors import DatabaseNotOurs, ObjectNotFound
from headrace.server.store.backup import discard_journal
from headrace.server.store.disk import written
from headrace.server.store.migrate import (
    check_sqlite_file,
    create_sqlite,
    find_revision,
    is_older,
    known_revisions,
)
from headrace.server.store.open import sqlite_path
from headrace.server.store.ownership import own
from headrace.server.store.sqlite import new_dialect
from headrace.server.store.sqlite_errors import translate
from headrace.server.store.sqlite_file import open_to_read

_RUNNER = "headrace.server.store.migrations.runner"
_POSTGRESQL = "headrace.server.store.rebuild_postgresql"


def plan_downgrade(url: str, revision: str | None = None) -> list[str]:
    """The revisions that a downgrade takes back, the newest first; nothing is changed.

    Args:
        url: The database, as `open_database` takes it.
        revision: Where to stop; one step back by default.

    Raises:
        DatabaseNotOurs: There is no database of ours, or it is of a newer version.
        ObjectNotFound: There is no such revision before the database's own.
    """
    path = sqlite_path(url)
    present: str = (
        load(f"{_POSTGRESQL}:present_revision")(url) if path is None else _present_revision(path)
    )
    known = known_revisions()
    passed = known[: known.index(present)]
    if not passed:
        message = f"the database is at its first revision, {present}; to begin anew, reset it"
        raise ObjectNotFound(message)
    target = revision or passed[-1]
    if target not in passed:
        message = f"there is no revision {target!r} before {present}; there are {', '.join(passed)}"
        raise ObjectNotFound(message)
    return known[known.index(target) + 1 : known.index(present) + 1][::-1]


def downgrade(url: str, revision: str | None = None) -> str:
    """Take a database back to a revision, and with it what the later ones added; where it is now.

    Args:
        url: The database, as `open_database` takes it.
        revision: Where to stop; one step back by default.

    Raises:
        DatabaseInUse: A server has it open.
        DatabaseNotOurs, ObjectNotFound: As `plan_downgrade`.
    """
    path = sqlite_path(url)
    if path is None:
        with load(f"{_POSTGRESQL}:alone")(url) as target:
            return _step_back(url, revision, load(f"{_RUNNER}:postgresql_engine")(target))
    with _owned(path):
        return _step_back(url, revision, load(f"{_RUNNER}:sqlite_engine")(path))


def _step_back(url: str, revision: str | None, engine: Any) -> str:
    known = known_revisions()
    target = known[known.index(plan_downgrade(url, revision)[-1]) - 1]
    load(f"{_RUNNER}:downgrade")(engine, target)
    return target


def reset(url: str) -> None:
    """Put an empty database of this version in the place of what there is, if there is any.

    Raises:
        DatabaseInUse: A server has it open.
        DatabaseNotOurs: What is there is another program's. It is left untouched.
        DatabaseFull, DatabaseReadOnly, DatabaseUnavailable: The disk or the server refuses.
    """
    path = sqlite_path(url)
    if path is None:
        load(f"{_POSTGRESQL}:recreate")(url)
        return
    with written(path):
        path.parent.mkdir(parents=True, exist_ok=True)
    with _owned(path):
        discard_journal(path)
        create_sqlite(path, new_dialect())


@contextmanager
def _owned(path: Path) -> Generator[None]:
    check_sqlite_file(path)
    ownership = own(path)
    try:
        yield
    except apsw.Error as error:
        raise translate(error) from error
    finally:
        ownership.release()


def _present_revision(path: Path) -> str:
    if not check_sqlite_file(path):
        message = f"there is no database at {path}"
        raise DatabaseNotOurs(message)
    try:
        with closing(open_to_read(path)) as connection:
            revision = find_revision(connection.execute)
    except apsw.Error as error:
        raise translate(error) from error
    is_older(revision, str(path))  # refuses one that is not known
    return str(revision)
