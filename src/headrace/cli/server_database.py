"""`headrace server database …`, `headrace server backup` and `restore`."""

import asyncio
import os
import sys
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path

import click

from headrace.cli.groups import Group
from headrace.cli.output import done
from headrace.cli.session import confirm
from headrace.server.config import hide_password, read_config
from headrace.server.store import backup as backups
from headrace.server.store import rebuild
from headrace.server.store.migrate import known_revisions
from headrace.server.store.open import open_database


def _chosen(_context: click.Context, _option: click.Parameter, url: str | None) -> str:
    return url or read_config(os.environ).database_url


database_option = click.option(
    "--database",
    "url",
    metavar="URL",
    callback=_chosen,
    help="sqlite:///path, a path, or postgresql://…; by default the configured one.",
)


@click.group(cls=Group)
def database() -> None:
    """Look after the server's database."""


@database.command()
@database_option
@click.option("--revision", "-r", help="Of the contract; it goes to this version's tables.")
@click.option("--dry-run", is_flag=True, help="Say what would be done, and change nothing.")
@click.option("--yes", "-y", is_flag=True, help="Of the contract; nothing is asked.")
def upgrade(url: str, revision: str | None, *, dry_run: bool, yes: bool) -> None:
    """Create the database, or bring it to this version's tables."""
    del yes
    newest = known_revisions()[-1]
    if revision not in {None, "head", newest}:
        message = f"this version of Headrace works with revision {newest} alone, not {revision}"
        raise click.UsageError(message)
    if dry_run:
        click.echo(f"would bring {hide_password(url)} to revision {newest}")
        return
    asyncio.run(_open_and_close(url))
    done(f"the database is at revision {newest}")


async def _open_and_close(url: str) -> None:
    opened = await open_database(url)
    await opened.close()


@database.command()
@database_option
@click.option("--revision", "-r", help="Where to stop; one revision back by default.")
@click.option("--dry-run", is_flag=True, help="Say what would be taken back, and change nothing.")
@click.option("--yes", "-y", is_flag=True, help="Do not ask.")
def downgrade(url: str, revision: str | None, *, dry_run: bool, yes: bool) -> None:
    """Take the database's tables back to an earlier version; no server may have it open."""
    passed = rebuild.plan_downgrade(url, revision)
    words = f"take back {', '.join(passed)}"
    if dry_run:
        click.echo(f"would {words}")
        return
    confirm(f"In {hide_password(url)}, {words}? What these revisions added is lost.", is_agreed=yes)
    done(f"the database is at revision {rebuild.downgrade(url, revision)}")


@database.command()
@database_option
@click.option("--yes", "-y", is_flag=True, help="Do not ask.")
def reset(url: str, *, yes: bool) -> None:
    """Empty the database: every flow, run, deployment and setting in it is lost."""
    confirm(f"Delete everything in {hide_password(url)}?", is_agreed=yes)
    rebuild.reset(url)
    done(f"the database is empty, at revision {known_revisions()[-1]}")


@click.command()
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@database_option
def backup(file: Path, url: str) -> None:
    """Copy the database into FILE while the server goes on."""
    with _progress("copying") as progress:
        backups.back_up(url, file, progress)
    done(f"copied to {file} ({file.stat().st_size / 1e6:.1f} MB)")


@click.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@database_option
@click.option("--yes", "-y", is_flag=True, help="Do not ask.")
def restore(file: Path, url: str, *, yes: bool) -> None:
    """Put the backup in FILE in the place of the database; no server may have it open."""
    confirm(f"Replace everything in {hide_password(url)} with what is in {file}?", is_agreed=yes)
    with _progress("restoring") as progress:
        backups.restore(url, file, progress)
    done(f"restored from {file}")


@contextmanager
def _progress(label: str) -> Generator[Callable[[int, int], None]]:
    """A bar on standard error while something long goes on."""
    hidden = not sys.stderr.isatty()
    with click.progressbar(length=1, label=label, file=sys.stderr, hidden=hidden) as bar:

        def report(finished: int, total: int) -> None:
            bar.length = max(total, 1)
            bar.update(finished - bar.pos)

        yield report
