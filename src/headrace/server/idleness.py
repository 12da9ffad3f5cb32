"""When a server that nobody uses any more may go."""

import asyncio
from datetime import UTC, datetime, timedelta

from sqlalchemy import bindparam, select

from headrace.core.times import to_text
from headrace.server.api.metrics import RequestMetrics
from headrace.server.store.database import Database, Statement
from headrace.server.store.schema import flow_run

# A run that has not moved for so long was left behind by a process that died: it holds up nothing.
_ABANDONED = timedelta(days=1)

_LIVE_RUN = Statement(
    select(flow_run.c.id)
    .where(
        flow_run.c.state_type.in_(["PENDING", "RUNNING", "CANCELLING"]),
        flow_run.c.state_timestamp > bindparam("since"),
    )
    .limit(1)
)


async def watch_idleness(database: Database, metrics: RequestMetrics, seconds: float) -> None:
    """Return once nobody has asked for anything for `seconds` and no run is live."""
    while True:
        idle = metrics.idle_seconds()
        if idle >= seconds:
            if not await _has_live_run(database):
                return
            idle = 0.0
        await asyncio.sleep(max(0.05, seconds - idle))


async def _has_live_run(database: Database) -> bool:
    since = to_text(datetime.now(UTC) - _ABANDONED)
    return bool(await database.fetch_all(_LIVE_RUN, {"since": since}))
