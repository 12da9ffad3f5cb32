"""`headrace doctor`: what works here, what does not, and what to do about it."""

import shutil
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from enum import StrEnum
from typing import NamedTuple

import click

from headrace import __version__, profiles
from headrace.cli.groups import Command
from headrace.cli.output import OutputFormat, output_option, print_json
from headrace.cli.root import FAILED
from headrace.client import Client, admin, work_pools, workers
from headrace.client.default import default_client
from headrace.client.pages import read_pages
from headrace.errors import HeadraceError, ObjectNotFound, Unauthorized
from headrace.settings import settings, unknown_settings
from headrace.wire.work_pools import ReadWorkPoolsBody, WorkPoolResponse
from headrace.wire.workers import ReadWorkersBody, WorkerStatus

SLOW_SECONDS = 0.5  # an answer that takes longer makes every flow slow
SKEW_SECONDS = 2.0  # of clocks; more and scheduled times look wrong
_KEY = "Give the server's key in HEADRACE_API_KEY, or user:password in HEADRACE_API_AUTH_STRING."
LEAST_DISK = 1 << 30  # bytes free in the home directory


class Grade(StrEnum):
    """How a finding is."""

    GOOD = "good"
    NOTE = "note"
    BAD = "bad"


MARKS = {Grade.GOOD: ("✓", "green"), Grade.NOTE: ("!", "yellow"), Grade.BAD: ("✗", "red")}


class Finding(NamedTuple):
    """One thing that was looked at.

    Args:
        about: What.
        grade: How it is.
        says: What was seen.
        advice: What to do, where something is to be done.
    """

    about: str
    grade: Grade
    says: str
    advice: str = ""


@click.command(cls=Command)
@output_option
def doctor(output: OutputFormat) -> None:
    """Look at settings, server, database, workers, clock and disk; exit code 1 if one is wrong."""
    found: list[Finding] = []
    for finding in _examine():
        found.append(finding)
        if output is OutputFormat.TEXT:
            _tell(finding)
    if output is OutputFormat.JSON:
        print_json([finding._asdict() for finding in found])
    if any(finding.grade is Grade.BAD for finding in found):
        raise click.exceptions.Exit(FAILED)


def _tell(finding: Finding) -> None:
    mark, colour = MARKS[finding.grade]
    click.echo(f"{click.style(mark, fg=colour)} {finding.about}: {finding.says}")
    if finding.advice:
        click.echo(f"    {finding.advice}")


def _examine() -> Iterator[Finding]:
    yield Finding("headrace", Grade.GOOD, f"{__version__}, Python {sys.version.split()[0]}")
    try:
        yield from _settings()
    except HeadraceError as error:
        yield Finding("settings", Grade.BAD, str(error), "Mend it: headrace config view")
        return
    yield _disk()
    yield from _server()


def _settings() -> Iterator[Finding]:
    settings()
    profile = profiles.active_profile()
    yield Finding("settings", Grade.GOOD, f"profile {profile}" if profile else "no profile in use")
    for item in unknown_settings():
        advice = f"It is set in {item.source}; headrace config view --show-defaults lists them all."
        yield Finding("settings", Grade.NOTE, f"{item.name} is no setting", advice)


def _disk() -> Finding:
    home = settings().home
    place = next(p for p in (home, *home.parents) if p.exists())
    free = shutil.disk_usage(place).free
    says = f"{free / (1 << 30):.1f} GiB free for {home}"
    if free < LEAST_DISK:
        return Finding("disk", Grade.BAD, says, "Free some: logs, results and databases lie there.")
    return Finding("disk", Grade.GOOD, says)


def _server() -> Iterator[Finding]:
    url = settings().api_url
    try:
        client = default_client()
        begin = time.monotonic()
        admin.read_health(client)
        took = time.monotonic() - begin
    except HeadraceError as error:
        advice = "Start one: headrace server start --background"
        if url:
            advice = f"Is it running? Is HEADRACE_API_URL right? {advice}"
        yield Finding("server", Grade.BAD, str(error), advice)
        return
    name = client.url if url else f"{client.url}, this machine's own"
    grade = Grade.GOOD if took < SLOW_SECONDS else Grade.NOTE
    slow = "" if took < SLOW_SECONDS else "Answers are slow; is the server or the network busy?"
    yield Finding("server", grade, f"{name} answers in {took * 1000:.0f} ms", slow)
    for look in _LOOKS:
        try:
            yield from look(client)
        except Unauthorized as error:
            yield Finding("server", Grade.BAD, str(error), _KEY)
            return
        except HeadraceError as error:
            yield Finding("server", Grade.BAD, str(error), "Look into the server's log.")
            return


def _identity(client: Client) -> Iterator[Finding]:
    try:
        before = datetime.now(UTC)
        info = admin.read_server(client)
        after = datetime.now(UTC)
    except ObjectNotFound:
        version = admin.read_version(client)
        yield Finding("server", Grade.NOTE, f"not Headrace's; it speaks version {version}")
        return
    if info.version == __version__:
        yield Finding("version", Grade.GOOD, f"the server is {info.version} as well")
    else:
        advice = "That works; to have what is new on both sides, upgrade the older one."
        yield Finding("version", Grade.NOTE, f"the server is {info.version}", advice)
    yield Finding("database", Grade.GOOD, info.database)
    skew = (info.time - (before + (after - before) / 2)).total_seconds()
    if abs(skew) > SKEW_SECONDS:
        advice = "Set both clocks by NTP: runs would seem late, or to end before they began."
        yield Finding("clock", Grade.BAD, f"the server's is {skew:+.1f} s off this one", advice)
    else:
        yield Finding("clock", Grade.GOOD, f"the server's is {abs(skew):.1f} s off this one")


def _pools(client: Client) -> Iterator[Finding]:
    pools = read_pages(
        lambda size, at: work_pools.list_work_pools(
            client, ReadWorkPoolsBody(limit=size, offset=at)
        )
    )
    if not pools:
        advice = "Make one to run deployments elsewhere: headrace work-pool create NAME"
        yield Finding("work pools", Grade.NOTE, "there are none", advice)
    for pool in pools:
        yield _pool(client, pool)


def _pool(client: Client, pool: WorkPoolResponse) -> Finding:
    about = f"work pool {pool.name}"
    if pool.is_paused:
        return Finding(about, Grade.NOTE, "paused", f"headrace work-pool resume {pool.name}")
    online = [
        one
        for one in workers.list_workers(client, pool.name, ReadWorkersBody())
        if one.status is WorkerStatus.ONLINE
    ]
    if not online:
        advice = f"Start one: headrace worker start --pool {pool.name}"
        return Finding(about, Grade.NOTE, f"{pool.type}, no worker is online", advice)
    return Finding(about, Grade.GOOD, f"{pool.type}, {len(online)} worker(s) online")


_LOOKS: tuple[Callable[[Client], Iterator[Finding]], ...] = (_identity, _pools)
