"""Searching the lines of all runs finds what reading every line would."""

import asyncio
import random
from datetime import UTC, datetime, timedelta
from itertools import product
from uuid import UUID

import pytest
from sqlalchemy import delete, select

from headrace.core.times import to_text
from headrace.core.trigrams import piece_buckets
from headrace.server.services import log_search
from headrace.server.services.logs import list_logs
from headrace.server.services.loops.log_indexing import BLOCKS, LogIndexingLoop
from headrace.server.services.signals import Signals
from headrace.server.store import logs as store
from headrace.server.store.database import Database, Write
from headrace.server.store.filters.small_nouns import filter_logs
from headrace.server.store.filters.sorts import LOGS
from headrace.server.store.queries import list_query
from headrace.server.store.schema import log, log_piece, log_stretch
from headrace.wire.logs import LogFilter, LogFilterLevel, LogFilterTextSearch, LogSort

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
WORDS = [
    "fetched",
    "Wrote",
    "bucket",
    "STRASSE",
    "straße",
    "İstanbul",
    "Kelvin",
    "a",
    "日本語",
    "10%",
]
RARE = "xylophone"
LINES = 900  # three stretches and something that is not indexed yet, in blocks of four


def line(draw: random.Random, n: int) -> dict[str, object]:
    message = " ".join([*draw.choices(WORDS, k=4), str(n)])
    if n % 211 == 5:
        message += f" {RARE}"
    moment = NOON + timedelta(seconds=n, milliseconds=draw.randrange(-9000, 9000))
    return {
        "id": str(UUID(int=(n << 64) + (7 << 76))), "created": to_text(NOON), "name": "test",
        "level": draw.choice([10, 20, 40]), "flow_run_id": None, "task_run_id": None,
        "timestamp": to_text(moment), "message": message,
    }  # fmt: skip


QUERIES = [
    RARE, RARE.upper(), f"+{RARE} +fetched", f"{RARE} -bucket", "xylophone straße", "istanbul", "kelvin",
    "İstanbul", '"5 xylo"', "xy", "nowhere", "-bucket", "10%", "+x", "strasse 日本語", "716 xylophone",
]  # fmt: skip


@pytest.fixture
def lines(runner: asyncio.Runner, database: Database, monkeypatch: pytest.MonkeyPatch) -> Database:
    """Lines, most of them indexed, and a front so short that the index is asked."""
    monkeypatch.setattr(log_search, "_NEWEST", 20)

    async def fill() -> None:
        draw = random.Random(1)
        rows = [line(draw, n) for n in range(LINES)]
        for at in range(0, LINES, 300):
            await database.apply([Write(store.INSERT, rows[at : at + 300])])
        loop = LogIndexingLoop(database, Signals(), breath=0, block=4)
        assert await loop.run_once(NOON) is None

    runner.run(fill())
    assert LINES > 3 * 4 * BLOCKS
    return database


async def test_the_index_changes_no_answer(lines: Database) -> None:
    """Pages are those of reading every line, in any case of letters and of any script."""
    stretches = await lines.fetch_all(select(log_stretch.c.number).order_by(log_stretch.c.number))
    assert stretches == [(0,), (1,), (2,)]
    for query, sort, level in product(QUERIES, LogSort, (None, LogFilterLevel(ge_=20))):
        given = LogFilter(text=LogFilterTextSearch(query=query), level=level)
        for limit, offset in ((3, 0), (50, 0), (5, 4)):
            page = list_query(
                store.SHAPE, filter_logs(given), LOGS[sort], limit=limit, offset=offset
            )
            found = await list_logs(lines, given, sort, limit=limit, offset=offset)
            assert found == await lines.fetch_all(page), (query, sort, limit, offset)


async def test_what_is_in_many_places_is_read_in_order(
    lines: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the index would name too many blocks, the answer is the same."""
    monkeypatch.setattr(log_search, "_MOST_BLOCKS", 2)
    given = LogFilter(text=LogFilterTextSearch(query=RARE))
    found = await list_logs(lines, given, LogSort.TIMESTAMP_DESC, limit=50, offset=0)
    assert len(found) == LINES // 211 + 1


async def test_the_index_of_deleted_lines_goes(lines: Database) -> None:
    """Retention leaves nothing behind."""
    first_left = str(UUID(int=(600 << 64) + (7 << 76)))
    await lines.transact(lambda tx: tx.execute(delete(log).where(log.c.id < first_left)))
    await LogIndexingLoop(lines, Signals(), breath=0, block=4).run_once(NOON)
    assert await lines.fetch_all(select(log_stretch.c.number)) == [(2,)]
    assert await lines.fetch_all(select(log_piece.c.stretch).distinct()) == [(2,)]


def test_pieces_are_those_of_any_case() -> None:
    """A term's pieces are in the text that contains it, whichever letters a database takes for equal."""
    assert piece_buckets("ISTANBUL") <= piece_buckets("in İstanbul")
    assert piece_buckets("kelvin") <= piece_buckets("0 \N{KELVIN SIGN}elvin")
    assert piece_buckets("日本語") == set()
    assert piece_buckets("ab") == set()
    assert len(piece_buckets("xylophone")) == 7
