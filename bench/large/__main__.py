"""Load, ask, and print the table: `uv run --group bench python -m bench.large --database …`."""

import argparse
import contextlib
import http.client
import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from urllib.parse import urlsplit

import psutil
import psycopg

from bench import postgres
from bench.large import page
from bench.large.known import Known, is_loaded
from bench.large.load import load
from bench.large.questions import BOUNDS_MS, POINT, POINT_FACTOR, Question, questions
from bench.large.rows import Year
from bench.sides import Server, Side, server
from bench.wrk import Call

SEED = 20261121
NOW = datetime(2026, 11, 21, 7)  # noqa: DTZ001 - UTC; the rows are the same whenever they are made
SMALL_RUNS = 2000  # what the point calls are compared with: as many as the other rows have
TIMEOUT_SECONDS = 60
# Nothing goes while it is counted: most of the year is older than what is kept by default.
SETTINGS = {"HEADRACE_SERVER_RETENTION_DAYS": "0"}


@dataclass(frozen=True)
class Timing:
    """One question's answers, ms."""

    median: float
    p95: float
    processor: float  # of the server, in the mean
    errors: int


def main() -> None:
    """Load what is not there, ask, print, and write the page."""
    arguments = _arguments()
    load_before = os.getloadavg()[0]
    with (
        tempfile.TemporaryDirectory(prefix="headrace-bench-") as name,
        _databases(arguments.database, Path(name)) as (full, small),
    ):
        asked: dict[str, list[Question]] = {}
        timings: dict[str, dict[str, Timing]] = {}
        for database, runs in ((small, SMALL_RUNS), (full, arguments.runs)):
            if not is_loaded(database):
                print(f"loading {runs:,} flow runs …", flush=True)
                load(database, Year(runs, NOW, SEED))
            known = Known.of(database, arguments.many, SEED)
            every = questions(known, arguments.many)
            asked[database] = [
                question
                for question in every
                if arguments.only in question.name and (database == full or question.group == POINT)
            ]
            timings[database] = _ask_all(database, asked[database], Path(name))
    table = list(_table(asked[full], timings[full], timings[small]))
    print("\n".join(table))
    if arguments.output:
        about = page.describe(arguments.runs, arguments.many, (load_before, os.getloadavg()[0]))
        dialect = "PostgreSQL" if full.startswith("postgresql") else "SQLite"
        page.write(Path(arguments.output), dialect, about, table)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="bench.large", description=__doc__)
    help_of_database = (
        "an SQLite file or the address of a PostgreSQL database, kept; or `postgresql`: one that is "
        "started for this run"
    )
    parser.add_argument("--database", required=True, help=help_of_database)
    parser.add_argument("--runs", type=int, default=1_000_000, help="flow runs to load")
    parser.add_argument("--many", type=int, default=40, help="requests of each kind")
    parser.add_argument("--only", default="", help="questions whose name has this text")
    parser.add_argument("--output", help="the page to write, `bench/LARGE.md`")
    return parser.parse_args()


@contextlib.contextmanager
def _databases(named: str, scratch: Path) -> Iterator[tuple[str, str]]:
    """The large database, and one of the same kind that is small."""
    if named == "postgresql":
        with postgres.running() as database:
            yield database.fresh("large"), database.fresh("small")
    elif named.startswith("postgresql:"):
        with _beside(named) as small:
            yield named, small
    else:
        yield named, str(scratch / "small.db")


@contextlib.contextmanager
def _beside(large: str) -> Iterator[str]:
    """An empty database on the same PostgreSQL server, dropped afterwards."""
    name = f"headrace_small_{os.getpid()}"
    with psycopg.connect(large, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}".encode())
        try:
            yield urlsplit(large)._replace(path=f"/{name}").geturl()
        finally:
            connection.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())


def _ask_all(database: str, asked: list[Question], scratch: Path) -> dict[str, Timing]:
    side = Side("headrace", "headrace", Path(sys.executable), scratch / "headrace", SETTINGS)
    with server(side, database) as running:
        parts = urlsplit(running.url)
        assert parts.hostname
        connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=TIMEOUT_SECONDS)
        timings: dict[str, Timing] = {}
        for question in asked:
            timings[question.name] = found = _ask(connection, parts.path, question, running)
            print(f"   {question.name}: {found.median:.2f} {found.p95:.2f} {found.processor:.2f}")
        return timings


def _ask(
    connection: http.client.HTTPConnection, prefix: str, question: Question, running: Server
) -> Timing:
    errors, taken = 0, list[float]()
    used = _processor_seconds(running)
    for call in question.calls:
        begin = time.perf_counter()
        status, body = _exchange(connection, prefix, call)
        taken.append((time.perf_counter() - begin) * 1000)
        errors += status >= 300 or call.contains not in body
    taken.sort()
    each = (_processor_seconds(running) - used) * 1000 / len(taken)
    return Timing(statistics.median(taken), taken[int(len(taken) * 0.95)], each, errors)


def _processor_seconds(running: Server) -> float:
    times = psutil.Process(running.process.pid).cpu_times()
    return times.user + times.system


def _exchange(connection: http.client.HTTPConnection, prefix: str, call: Call) -> tuple[int, str]:
    data = None if call.body is None else json.dumps(call.body).encode()
    headers = {"content-type": "application/json"}
    connection.request(call.method, prefix + call.path, data, headers)
    answer = connection.getresponse()
    return answer.status, answer.read().decode()


def _table(
    asked: list[Question], large: dict[str, Timing], small: dict[str, Timing]
) -> Iterator[str]:
    yield "| question | group | median ms | p95 ms | server's CPU ms | bound | |"
    yield "| --- | --- | ---: | ---: | ---: | --- | --- |"
    for question in asked:
        found = large[question.name]
        if question.group == POINT:
            bound = small[question.name].median * POINT_FACTOR
            met, said = found.median <= bound, f"median ≤ {bound:.2f}"
        else:
            bound = BOUNDS_MS[question.group]
            met, said = found.p95 <= bound, f"p95 ≤ {bound:g}"
        verdict = f"{found.errors} errors" if found.errors else ("met" if met else "missed")
        yield (
            f"| {question.name} | {question.group} | {found.median:.2f} | {found.p95:.2f} "
            f"| {found.processor:.1f} | {said} | {verdict} |"
        )


if __name__ == "__main__":
    main()
