"""Backup and restore, online, of either database: a backup is always an SQLite file.

A backup of PostgreSQL is the rows of one snapshot in that same form, so that every backup can be
looked into with `sqlite3`, and restored into either kind of database.
"""

from collections.abc import Callable, Generator
from contextlib import closing, contextmanager
from pathlib import Path

import apsw

from headrace._bindings import load
from headrace.errors import DatabaseNotOurs
from headrace.server.store.disk import written
from headrace.server.store.migrate import (
    APPLICATION_ID,
    check_sqlite_file,
    find_revision,
    is_older,
    replace_durably,
    upgrade_sqlite,
)
from headrace.server.store.open import sqlite_path
from headrace.server.store.ownership import own
from headrace.server.store.sqlite_errors import translate
from headrace.server.store.sqlite_file import open_file, open_to_read

Progress = Callable[[int, int], None]
"""Told what is done and what there is in all: pages, or rows."""

_STEP_PAGES = 1024  # 4 MiB between two reports of progress


def ignore_progress(_done: int, _total: int) -> None:
    """For callers who want no reports."""


def back_up(url: str, target: Path, progress: Progress = ignore_progress) -> None:
    """Write a consistent copy of a database while it is in use.

    Args:
        url: The database, as `open_database` takes it.
        target: The file to write; it appears when it is whole, in the place of an older one.
        progress: Told how far it is.

    Raises:
        DatabaseNotOurs: There is no database of ours, or it is not of this version (PostgreSQL).
        DatabaseFull, DatabaseUnavailable: The disk or the server refuses.
    """
    path = sqlite_path(url)
    fresh = target.with_name(target.name + ".new")
    if path is not None:
        _require(path)
    with written(target, draft=fresh), _in_our_words():
        target.parent.mkdir(parents=True, exist_ok=True)
        fresh.write_bytes(b"")  # an empty file is a new database; the reason, if it cannot be made
        if path is None:
            load("headrace.server.store.backup_postgresql:dump_rows")(url, fresh, progress)
        else:
            copy_pages(path, fresh, progress)
        replace_durably(fresh, target)


def restore(url: str, source: Path, progress: Progress = ignore_progress) -> None:
    """Put a backup in the place of a database that no server has open. All or nothing.

    A backup of an older version is upgraded on the way.

    Args:
        url: The database, as `open_database` takes it; what it holds is lost.
        source: The file that `back_up` wrote.
        progress: Told how far it is.

    Raises:
        DatabaseInUse: A server has the database open; end it first.
        DatabaseNotOurs: The backup or the database is not ours, damaged, or of a newer version.
    """
    _require(source)
    path = sqlite_path(url)
    with _in_our_words():
        if path is None:
            load("headrace.server.store.backup_postgresql:load_rows")(url, source, progress)
        else:
            _restore_file(path, source, progress)


@contextmanager
def _in_our_words() -> Generator[None]:
    try:
        yield
    except apsw.Error as error:
        raise translate(error) from error


def _restore_file(path: Path, source: Path, progress: Progress) -> None:
    with written(path):
        path.parent.mkdir(parents=True, exist_ok=True)
    ownership = own(path)
    fresh = path.with_name(path.name + ".new")
    try:
        with written(path, draft=fresh):
            prepare_copy(source, fresh, progress)
            with closing(open_file(fresh)) as connection:
                connection.execute("PRAGMA journal_mode=WAL")
            discard_journal(path)
            replace_durably(fresh, path)
    finally:
        ownership.release()


def prepare_copy(source: Path, copy: Path, progress: Progress) -> None:
    """Copy a backup, look it over, and upgrade the copy to this version.

    Raises `DatabaseNotOurs` where it is damaged or of a newer version.
    """
    copy.unlink(missing_ok=True)
    copy_pages(source, copy, progress)
    with closing(open_file(copy)) as connection:
        [(problem,)] = connection.execute("PRAGMA quick_check(1)").fetchall()
        if problem != "ok":
            message = f"{source} is damaged: {problem}; restore another backup"
            raise DatabaseNotOurs(message)
        revision = find_revision(connection.execute)
    if is_older(revision, str(source)):
        upgrade_sqlite(copy)


def copy_pages(source: Path, target: Path, progress: Progress) -> None:
    """Copy an SQLite database as it is at this moment, whoever writes to it meanwhile."""
    with (
        closing(open_to_read(source)) as reading,
        closing(open_file(target)) as writing,
    ):
        # a read transaction pins the moment: without it, each commit of a server starts the copy anew
        reading.execute("BEGIN")
        reading.execute("SELECT count(*) FROM sqlite_schema").fetchone()
        with writing.backup("main", reading, "main") as copy:
            while not copy.done:
                copy.step(_STEP_PAGES)
                progress(copy.page_count - copy.remaining, copy.page_count)
        reading.execute("ROLLBACK")
        writing.execute("PRAGMA journal_mode=DELETE")  # one file, without a journal beside it


def _require(path: Path) -> None:
    if not check_sqlite_file(path):
        message = f"{path} is no database of Headrace (mark {APPLICATION_ID:#x}): it does not exist"
        raise DatabaseNotOurs(message)


def discard_journal(path: Path) -> None:
    """Take the old database's journal away, so that it is not applied to the new one."""
    if path.exists():
        try:
            with closing(open_file(path)) as connection:
                connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        except apsw.Error:
            pass  # a damaged database is a reason to restore, not an obstacle
    for suffix in ("-wal", "-shm"):
        path.with_name(path.name + suffix).unlink(missing_ok=True)
