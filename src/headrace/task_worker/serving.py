"""Serving tasks: a worker for them in this process, until it is told to stop."""

import signal
import sys
import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Any

from headrace.engine.recorder import close_recorders
from headrace.task_worker.worker import DEFAULT_LIMIT, TaskWorker
from headrace.worker.status_port import Page, json_page, open_status_port

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
    def look() -> Page:
        return json_page(
            {
                "client_id": worker.client_id,
                "started_at": worker.started_at and worker.started_at.isoformat(),
                "limit": worker.limit,
                "current_tasks": worker.current_tasks,
                "available_tasks": worker.available_tasks,
                "tasks": list(worker.tasks),
            }
        )

    return open_status_port(STATUS_HOST, port, {"/status": look})
