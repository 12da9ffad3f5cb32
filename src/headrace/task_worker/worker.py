"""The task worker: takes background runs from the server, one at a time, and runs them in threads.

A run is acknowledged when there is a thread for it, and at once started. One that is not acknowledged
when this process ends goes to another worker.
"""

import logging
import os
import socket
import threading
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

import msgspec
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection

from headrace.client.encoding import encode
from headrace.client.http import Client
from headrace.client.subscriptions import FIRST_PAUSE, LONGEST_PAUSE, open_socket
from headrace.engine.api import api
from headrace.engine.background import run_deferred
from headrace.errors import ConfigurationError, HeadraceError, ServerUnreachable
from headrace.wire.task_runs import TaskRun

SCHEDULED = "/task_runs/subscriptions/scheduled"
LOOK_SECONDS = 0.5  # between two looks whether to stop, while nothing comes
DEFAULT_LIMIT = 10  # runs at once; the contract's

_logger = logging.getLogger("headrace.task_worker")
_decoder = msgspec.json.Decoder(TaskRun)


class StopTaskWorker(Exception):
    """The task worker was told to stop."""


class TaskWorker:
    """Runs what is handed to background workers of some tasks.

    Args:
        tasks: The tasks.
        limit: Runs at once; None for no bound but the machine's.

    Raises:
        ConfigurationError: There is no task, or the limit is none.
    """

    def __init__(self, *tasks: Any, limit: int | None = DEFAULT_LIMIT) -> None:
        if not tasks or (limit is not None and limit < 1):
            message = "a task worker serves at least one task, with a limit of at least 1 or none"
            raise ConfigurationError(message)
        self.tasks: Mapping[str, Any] = {task.task_key: _keeping(task) for task in tasks}
        self._limit = limit
        self._threads = ThreadPoolExecutor(limit or 10_000, thread_name_prefix="background-task")
        self._slots = threading.BoundedSemaphore(limit or 10_000)
        self._running = 0
        self._count = threading.Lock()
        self._stopping = threading.Event()
        self._started_at: datetime | None = None

    @property
    def client_id(self) -> str:
        """What it calls itself."""
        return f"{socket.gethostname()}-{os.getpid()}"

    @property
    def started_at(self) -> datetime | None:
        """When it started; None before."""
        return self._started_at

    @property
    def started(self) -> bool:
        """Whether it has started."""
        return self._started_at is not None

    @property
    def limit(self) -> int | None:
        """Runs at once."""
        return self._limit

    @property
    def current_tasks(self) -> int:
        """Runs that are going on now."""
        return self._running

    @property
    def available_tasks(self) -> int | None:
        """Runs that could be taken now; None without a limit."""
        return None if self._limit is None else self._limit - self._running

    def start(self, timeout: float | None = None) -> None:
        """Take runs and run them, until `stop` is called; then wait for those that are going on.

        Args:
            timeout: Seconds after which it stops by itself.

        Raises:
            Unauthorized: The server refuses the credentials.
        """
        self._started_at = datetime.now(UTC)
        deadline = None if timeout is None else time.monotonic() + timeout
        pause = FIRST_PAUSE
        while not self._is_over(deadline):
            try:
                with open_socket(api(), SCHEDULED, self._subscription()) as connection:
                    pause = FIRST_PAUSE
                    self._take(connection, deadline)
            except (ConnectionClosed, ServerUnreachable) as error:
                _logger.info("The server is away and will be asked again: %s", error)
                self._stopping.wait(pause)
                pause = min(pause * 2, LONGEST_PAUSE)
                with suppress(HeadraceError):
                    _find(api())
        self._threads.shutdown(wait=True)

    def stop(self) -> None:
        """Take nothing more; from any thread or signal handler."""
        self._stopping.set()

    def execute_task_run(self, task_run: TaskRun) -> None:
        """Run one that was handed over, here, to its end."""
        task = self.tasks.get(task_run.task_key)
        if task is None:
            _logger.error(
                "Task run %s is of %s, which is not served", task_run.id, task_run.task_key
            )
            return
        run_deferred(task, task_run)

    def _subscription(self) -> dict[str, Any]:
        return {"type": "subscribe", "keys": list(self.tasks), "client_id": self.client_id}

    def _is_over(self, deadline: float | None) -> bool:
        return self._stopping.is_set() or (deadline is not None and time.monotonic() >= deadline)

    def _take(self, connection: ClientConnection, deadline: float | None) -> None:
        """Take runs from a connection until told to stop, or until it breaks."""
        while not self._is_over(deadline):
            if not self._slots.acquire(timeout=LOOK_SECONDS):
                continue
            is_used = False
            try:
                frame = connection.recv(LOOK_SECONDS)
                task_run = _decoder.decode(frame)
                connection.send('{"type":"ack"}')
                is_used = True
                self._threads.submit(self._run, task_run)
            except TimeoutError:
                continue
            finally:
                if not is_used:
                    self._slots.release()
        with suppress(ConnectionClosed):
            connection.send(encode({"type": "quit"}).decode())

    def _run(self, task_run: TaskRun) -> None:
        with self._count:
            self._running += 1
        try:
            self.execute_task_run(task_run)
        except Exception:  # the edge of the thread: one run's trouble must not end the worker
            _logger.exception("Task run %s could not be run", task_run.id)
        finally:
            with self._count:
                self._running -= 1
            self._slots.release()


def _keeping(task: Any) -> Any:
    """A task whose results are stored: nobody else could read them otherwise."""
    return task if task.persist_result is not None else task.with_options(persist_result=True)


def _find(client: Client) -> None:
    """Learn where the API is now: the embedded server has another address after a restart."""
    client.call("GET", "/health", attempts=0)
