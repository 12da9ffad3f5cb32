"""`/metrics`: what Prometheus reads."""

from collections.abc import Iterable, Iterator
from http import HTTPStatus

from sqlalchemy import func, select

from headrace.core.exposition import MEDIA_TYPE, NONE, write_counter, write_gauge, write_histogram
from headrace.server.api.metrics import OperationTimes, RequestMetrics
from headrace.server.api.operations import Answer, Call, Operations
from headrace.server.store.database import Statement
from headrace.server.store.schema import flow_run, task_run

_FLOW_RUNS = Statement(select(flow_run.c.state_type, func.count()).group_by(flow_run.c.state_type))
_TASK_RUNS = Statement(select(task_run.c.state_type, func.count()).group_by(task_run.c.state_type))


def metrics_operations(metrics: RequestMetrics) -> Operations:
    """The operation that answers with this process's metrics."""
    operations = Operations("metrics")

    @operations.get("/metrics", returns=str, media_type="text/plain")
    async def read_metrics(call: Call[None]) -> Answer:
        """Metrics in Prometheus's text form."""
        database = call.services.database
        lines = [
            *_write_requests(metrics.operations),
            *write_gauge("headrace_requests_in_flight", [(NONE, metrics.in_flight)]),
            *write_gauge("headrace_writes_waiting", [(NONE, database.waiting_writes)]),
        ]
        for name, statement in (("flow", _FLOW_RUNS), ("task", _TASK_RUNS)):
            rows = await database.fetch_all(statement)
            samples = [({"state": state or "NONE"}, count) for state, count in rows]
            lines += write_gauge(f"headrace_{name}_runs", samples)
        return Answer(HTTPStatus.OK, ("\n".join(lines) + "\n").encode(), MEDIA_TYPE.encode())

    return operations


def _write_requests(operations: Iterable[OperationTimes]) -> Iterator[str]:
    used = [times for times in operations if times.statuses]
    yield from write_counter(
        "headrace_requests_total",
        [
            ({"method": of.method, "path": of.path, "status": str(status)}, count)
            for of in used
            for status, count in sorted(of.statuses.items())
        ],
    )
    yield from write_histogram(
        "headrace_request_seconds",
        [({"method": of.method, "path": of.path}, of.times) for of in used],
    )
