"""HTTP of logs."""

import csv
import io
from collections.abc import AsyncIterator, Iterable

from headrace.server.api.lists import choose_limit
from headrace.server.api.operations import Answer, Call, Operations
from headrace.server.api.subscriptions import pump, take_filter
from headrace.server.auth.sockets import Socket
from headrace.server.services import logs
from headrace.server.services.container import Services
from headrace.server.services.log_tail import follow_logs
from headrace.server.store.database import Database
from headrace.server.store.logs import SHAPE
from headrace.wire.logs import Log, LogCreate, LogFilter, ReadLogsBody

operations = Operations("logs")

_COLUMNS = ("timestamp", "level", "flow_run_id", "task_run_id", "message")


@operations.post("/logs/", list[LogCreate], status=201)
async def create_logs(call: Call[list[LogCreate]]) -> None:
    """Store lines; the answer comes when they are durable."""
    await logs.create_logs(call.services.database, call.services.signals, call.body)


@operations.post("/logs/filter", ReadLogsBody, returns=list[Log])
async def read_logs(call: Call[ReadLogsBody]) -> bytes:
    """List lines."""
    body = call.body
    rows = await logs.list_logs(
        call.services.database,
        body.logs,
        body.sort,
        limit=choose_limit(call.services.config, body.limit),
        offset=body.offset,
    )
    return SHAPE.encode_list(rows)


@operations.get("/flow_runs/{id:uuid}/logs/download", returns=str, media_type="text/csv")
async def download_logs(call: Call[None]) -> Answer:
    """All lines of a flow run as a CSV file."""
    run_id = call.path["id"]
    await logs.check_flow_run(call.services.database, run_id)
    name = f'attachment; filename="{run_id}-logs.csv"'
    return Answer(
        200,
        _write_csv(call.services.database, run_id),
        b"text/csv; charset=utf-8",
        ((b"content-disposition", name.encode()),),
    )


async def _write_csv(database: Database, run_id: str) -> AsyncIterator[bytes]:
    yield _to_csv([_COLUMNS])
    async for rows in logs.read_all_logs(database, run_id):
        yield _to_csv(
            (time, level, run_id, task_run_id or "", message)
            for time, _, level, task_run_id, message in rows
        )


def _to_csv(rows: Iterable[Iterable[object]]) -> bytes:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue().encode()


@operations.socket("/logs/out")
async def send_logs(services: Services, _: dict[str, str], socket: Socket) -> None:
    """Send the lines that a filter means: those there are, then new ones."""
    given, backfill = await take_filter(socket, LogFilter)
    lines = follow_logs(
        services.database, services.signals, services.closing, given, backfill=backfill
    )
    await pump(socket, lines, b'{"type":"log","log":')
