"""The loop that notes which pieces of text occur in lines, once no more lines can come between them."""

import asyncio
import time
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import msgspec

from headrace.core.ids import first_id_of
from headrace.core.trigrams import piece_buckets
from headrace.server.services.loops.service import Pace
from headrace.server.services.signals import Signals
from headrace.server.store import log_pieces as sql
from headrace.server.store.database import Database, Write

BLOCK: Final = 256
"""Lines that are looked through for one piece in them: half a millisecond."""

BLOCKS: Final = 63
"""Blocks of a stretch: one bit each of a signed number of 64."""

_AT_ONCE: Final = 500
"""Rows of one transaction."""


@dataclass(frozen=True, slots=True)
class LogIndexingLoop:
    """Takes the lines after the newest stretch, as long as there are enough for another one.

    Args:
        settled: Seconds after which no line comes any more with an id of that time: far longer than a
            write can wait, and than the clocks of servers differ.
        longest: Seconds that one run takes at most: then it lets others lead, and goes on.
        breath: Seconds between two blocks, in which the server answers.
        block: Lines of one block.
    """

    database: Database
    signals: Signals
    settled: float = 600.0
    longest: float = 20.0
    breath: float = 0.005
    block: int = BLOCK
    name: str = "log_indexing"
    pace: Pace = Pace(interval=60.0)  # noqa: RUF009 - frozen
    topics: tuple[str, ...] = ()

    async def run_once(self, now: datetime) -> float | None:
        """Index what is settled, or as much as one run may take."""
        before = first_id_of(now.timestamp() - self.settled)
        deadline = time.monotonic() + self.longest
        while time.monotonic() < deadline:
            if not await self._index_stretch(before):
                await self._forget()
                return None
        return 0

    async def _index_stretch(self, before: str) -> bool:
        """Whether there were lines enough."""
        newest = await self.database.fetch_one(sql.NEWEST)
        after, number = (sql.FIRST_ID, -1) if newest is None else newest
        rows = await self.database.fetch_all(
            sql.LINES, {"after": after, "before": before, "many": self.block * BLOCKS}
        )
        if len(rows) < self.block * BLOCKS:
            return False
        found: dict[int, int] = {}
        last_ids: list[str] = []
        for place in range(BLOCKS):
            lines = rows[place * self.block : (place + 1) * self.block]
            last_ids.append(lines[-1][0])
            for bucket in piece_buckets("\n".join(line[1] for line in lines)):
                found[bucket] = found.get(bucket, 0) | 1 << place
            await asyncio.sleep(self.breath)
        await self._keep(number + 1, last_ids, found)
        return True

    async def _keep(self, number: int, last_ids: list[str], found: dict[int, int]) -> None:
        """Write the pieces and then the stretch, without which nobody looks at them."""
        pieces = [
            {"stretch": number, "bucket": bucket, "blocks": blocks}
            for bucket, blocks in sorted(found.items())
        ]
        # what an attempt that was broken off has left
        await self.database.apply([Write(sql.DELETE_PIECES, {"stretch": number})])
        for at in range(0, len(pieces), _AT_ONCE):
            await self.database.apply([Write(sql.INSERT_PIECES, pieces[at : at + _AT_ONCE])])
        blocks = msgspec.json.encode(last_ids).decode()
        stretch = {"last_id": last_ids[-1], "number": number, "blocks": blocks}
        await self.database.apply([Write(sql.INSERT_STRETCH, stretch)])

    async def _forget(self) -> None:
        """Delete the stretches whose lines are all deleted."""
        while (oldest := await self.database.fetch_one(sql.EMPTY)) is not None:
            number = {"stretch": oldest[0]}
            await self.database.apply([Write(sql.DELETE_STRETCH, number)])
            await self.database.apply([Write(sql.DELETE_PIECES, number)])
            await asyncio.sleep(self.breath)
