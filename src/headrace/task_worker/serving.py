"""Serving tasks: a worker for them in this process, until it is told to stop."""

import json
import signal
import sys
import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from headrace.engine.recorder import close_recorders
from headrace.task_worker.worker import DEFAULT_LIMIT, TaskWorker

STATUS_HOST = "127.0.0.1"


def serve(
    *tasks: Any,
    limit: int | None = DEFAULT_LIMIT,
    status_server_port: int | None = None,
    timeout: float | None = None,
) -> None:
    """Run what is handed to background workers of tasks here, until SIGINT or SIGTERM.

    Args:
        tasks: The tasks.
        limit: Runs at once; None for no bound.
        status_server_port: Answer `GET /status` on this port of this machine.
        timeout: Seconds after which it stops by itself.

    Raises:
        ConfigurationError: There is no task, or the limit is none.
        HeadraceError: The server refuses.
    """
    worker = TaskWorker(*tasks, limit=limit)
    close = (
        _open_status_port(worker, status_server_port) if status_server_port is not None else None
    )
    names = ", ".join(task.name for task in worker.tasks.values())
    sys.stdout.write(f"Serving the tasks {names}; Ctrl-C stops it.\n")
    sys.stdout.flush()
    try:
        with _stopped_by_signals(worker):
            worker.start(timeout)
    finally:
        if close is not None:
            close()
        close_recorders()


@contextmanager
def _stopped_by_signals(worker: TaskWorker) -> Generator[None]:
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def stop(_number: int, _frame: object) -> None:
        worker.stop()

    before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _open_status_port(worker: TaskWorker, port: int) -> Callable[[], None]:
    server = ThreadingHTTPServer((STATUS_HOST, port), _handler_for(worker))
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, name="status", daemon=True)
    thread.start()

    def close() -> None:
        server.shutdown()
        server.server_close()
        thread.join()

    return close


def _handler_for(worker: TaskWorker) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        timeout = 5.0  # seconds for a client that says nothing

        def do_GET(self) -> None:  # the name that http.server calls
            if self.path.rstrip("/") != "/status":
                self.send_error(404)
                return
            status = {
                "client_id": worker.client_id,
                "started_at": worker.started_at and worker.started_at.isoformat(),
                "limit": worker.limit,
                "current_tasks": worker.current_tasks,
                "available_tasks": worker.available_tasks,
                "tasks": list(worker.tasks),
            }
            body = json.dumps(status).encode()
            self.send_response(200)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # the inherited name
            """Say nothing."""

    return Handler
