"""`/metrics`: what Prometheus reads.

Written by hand: the text form is a page of rules, and the usual client library keeps a lock and an
object per sample, which cost more per request than the request's own bookkeeping here.
"""

from collections.abc import Iterable, Iterator
from http import HTTPStatus
from itertools import accumulate

from sqlalchemy import func, select

from headrace.server.api.metrics import BOUNDS, OperationTimes, RequestMetrics
from headrace.server.api.operations import Answer, Call, Operations
from headrace.server.store.database import Statement
from headrace.server.store.schema import flow_run, task_run

_MEDIA_TYPE = b"text/plain; version=0.0.4; charset=utf-8"

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
            *_write_gauge("headrace_requests_in_flight", [("", metrics.in_flight)]),
            *_write_gauge("headrace_writes_waiting", [("", database.waiting_writes)]),
        ]
        for name, statement in (("flow", _FLOW_RUNS), ("task", _TASK_RUNS)):
            rows = await database.fetch_all(statement)
            samples = [(_labels(state=state or "NONE"), count) for state, count in rows]
            lines += _write_gauge(f"headrace_{name}_runs", samples)
        return Answer(HTTPStatus.OK, ("\n".join(lines) + "\n").encode(), _MEDIA_TYPE)

    return operations


def _write_gauge(name: str, samples: Iterable[tuple[str, float]]) -> Iterator[str]:
    yield f"# TYPE {name} gauge"
    for labels, value in samples:
        yield f"{name}{labels} {value}"


def _write_requests(operations: Iterable[OperationTimes]) -> Iterator[str]:
    used = [times for times in operations if times.statuses]
    yield "# TYPE headrace_requests_total counter"
    for times in used:
        for status, count in sorted(times.statuses.items()):
            labels = _labels(method=times.method, path=times.path, status=str(status))
            yield f"headrace_requests_total{labels} {count}"
    yield "# TYPE headrace_request_seconds histogram"
    for times in used:
        of = {"method": times.method, "path": times.path}
        below = list(accumulate(times.buckets))
        for bound, count in zip((*map(str, BOUNDS), "+Inf"), below, strict=True):
            yield f"headrace_request_seconds_bucket{_labels(**of, le=bound)} {count}"
        yield f"headrace_request_seconds_sum{_labels(**of)} {times.total:.6f}"
        yield f"headrace_request_seconds_count{_labels(**of)} {below[-1]}"


def _labels(**labels: str) -> str:
    escaped = (
        f'{name}="{value.replace(chr(92), chr(92) * 2).replace(chr(34), chr(92) + chr(34))}"'
        for name, value in labels.items()
    )
    return "{" + ",".join(escaped) + "}"
