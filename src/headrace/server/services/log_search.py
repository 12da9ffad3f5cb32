"""Finding lines by their text: the newest first, else where the index of pieces says they may be."""

from collections.abc import Iterable
from itertools import pairwise
from typing import Final

import msgspec
from sqlalchemy import Select, select

from headrace.core.text_search import TextQuery, parse_text_query
from headrace.core.trigrams import piece_buckets
from headrace.server.store import log_pieces as store
from headrace.server.store.database import Database, Row
from headrace.server.store.filters.conditions import Conditions
from headrace.server.store.filters.small_nouns import filter_logs
from headrace.server.store.filters.sorts import LOGS
from headrace.server.store.logs import SHAPE
from headrace.server.store.queries import list_query
from headrace.server.store.schema import log
from headrace.wire.logs import LogFilter, LogSort

_NEWEST: Final = 20_000
"""Lines at the beginning of the order asked for that are read before the index is asked: some ms."""

_MOST_BLOCKS: Final = 1000
"""Blocks that are looked into. Of what is in more of them, reading in order soon finds a page."""

_LAST_ID: Final = "ffffffff-ffff-ffff-ffff-ffffffffffff"
_decode_ids = msgspec.json.Decoder(list[str]).decode
Range = tuple[str, str]


def is_searched(given: LogFilter) -> bool:
    """Whether a filter asks for pieces of text in the lines of all runs."""
    return (
        given.text is not None
        and given.flow_run_id is None
        and given.task_run_id is None
        and bool(_alternatives(parse_text_query(given.text.query)))
    )


async def search_logs(
    database: Database, given: LogFilter, sort: LogSort, *, limit: int, offset: int
) -> list[Row]:
    """Lines that meet a filter of which `is_searched` holds."""
    conditions = filter_logs(given)
    wanted = limit + offset
    newest_first = sort is LogSort.TIMESTAMP_DESC
    bound = await database.fetch_few(store.TIME_OF[newest_first], {"at": _NEWEST})
    if bound:
        time = log.c.timestamp
        at_front = time >= bound[0][0] if newest_first else time <= bound[0][0]
        rows = await database.fetch_all(_page([*conditions, at_front], sort, wanted, 0))
        if len(rows) == wanted:
            return rows[offset:]
    assert given.text is not None
    ranges = await _ranges(database, _alternatives(parse_text_query(given.text.query)))
    if not bound or ranges is None:
        return await database.fetch_all(_page(conditions, sort, limit, offset))
    found = select(log.c.id).where(log.c.id.in_(store.ids_in_ranges(conditions)))
    query = _page([log.c.id.in_(found.scalar_subquery())], sort, limit, offset)
    text = msgspec.json.encode(ranges).decode()
    return await database.fetch_all(query, {store.RANGES: text})


def _page(conditions: Conditions, sort: LogSort, limit: int, offset: int) -> Select[tuple[object]]:
    return list_query(SHAPE, conditions, LOGS[sort], limit=limit, offset=offset)


def _alternatives(wanted: TextQuery) -> list[set[int]]:
    """Sets of buckets, of which a line that is meant has one whole; none where every line may be meant."""
    required = set[int]().union(*map(piece_buckets, wanted.all_of))
    if not wanted.any_of:
        return [required] if required else []
    each = [piece_buckets(term) | required for term in wanted.any_of]
    return each if all(each) else []


async def _ranges(database: Database, alternatives: Iterable[set[int]]) -> list[Range] | None:
    """Where the lines may be, as ranges of ids; none where that is in too many places."""
    sets = list(alternatives)
    stretches = await database.fetch_all(store.STRETCHES)
    if not stretches:
        return None
    buckets = sorted(set[int]().union(*sets))
    rows = await database.fetch_all(store.OCCURRENCES, {"buckets": buckets})
    occurs = {(stretch, bucket): blocks for stretch, bucket, blocks in rows}
    ranges, after = list[Range](), store.FIRST_ID
    for last, number, text in stretches:
        blocks = _blocks([[occurs.get((number, bucket), 0) for bucket in one] for one in sets])
        if blocks:
            last_ids = _decode_ids(text)
            bounds = pairwise([after, *last_ids])
            ranges += [range_ for place, range_ in enumerate(bounds) if blocks >> place & 1]
        if len(ranges) > _MOST_BLOCKS:
            return None
        after = last
    return [*ranges, (after, _LAST_ID)]


def _blocks(alternatives: Iterable[Iterable[int]]) -> int:
    """The blocks, as bits, in which all pieces of one of the alternatives occur."""
    found = 0
    for pieces in alternatives:
        shared = -1
        for blocks in pieces:
            shared &= blocks
        found |= shared
    return found
