"""Several server processes behind one port: the parent listens and watches, its children answer.

Only over PostgreSQL: an SQLite database belongs to one process. Background loops run once among the
children, as they do among servers on several machines. A child that ends is started again; when the
parent is gone, its children notice by their standard input and end, too.
"""

import json
import logging
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from types import FrameType

from headrace import __version__

_log = logging.getLogger(__name__)

_LOOK_SECONDS = 0.2
"""Between two looks at the children."""

_SHORTEST_LIFE = 5.0
"""Seconds. A child that ends sooner is started again only after the rest of it."""

_GRACE_SECONDS = 30.0
"""What a child has to end in: the time that answers under way are given, and some more."""


class Workers:
    """The children of one parent.

    Args:
        bound: The listening socket, which they share.
        arguments: Of the server's program, as the parent was given them.
        count: How many.
    """

    def __init__(self, bound: socket.socket, arguments: Sequence[str], count: int) -> None:
        self._bound = bound
        number = str(bound.fileno())
        self._command = [sys.executable, "-m", "headrace.server", *arguments, "--socket", number]
        self._count = count
        self._children: list[_Child] = []

    def run(self, url: str, announce: Callable[[str], None]) -> int:
        """Serve until a signal says to stop; 0, or 1 where a child did not start."""
        stopping = threading.Event()

        def stop(_number: int, _frame: FrameType | None) -> None:
            stopping.set()

        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, stop)
        try:
            for _ in range(self._count):
                self._children.append(self._start())
            if not all(child.has_begun() for child in self._children):
                return 1
            line = {"url": url, "pid": os.getpid(), "version": __version__}
            announce(json.dumps(line))
            while not stopping.wait(_LOOK_SECONDS):
                self._look()
            return 0
        finally:
            self._stop()

    def _start(self) -> "_Child":
        process = subprocess.Popen(  # noqa: S603  # this interpreter, our own program
            self._command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            pass_fds=(self._bound.fileno(),),
            start_new_session=True,  # a Ctrl-C is the parent's; it ends its children itself
        )
        return _Child(process)

    def _look(self) -> None:
        for at, child in enumerate(self._children):
            code = child.process.poll()
            if code is not None and time.monotonic() - child.since > _SHORTEST_LIFE:
                _log.warning("Server process %d ended with %d: another begins", child.pid, code)
                child.let_go()
                self._children[at] = self._start()

    def _stop(self) -> None:
        for child in self._children:
            child.process.terminate()
        deadline = time.monotonic() + _GRACE_SECONDS
        for child in self._children:
            try:
                child.process.wait(max(0.0, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                child.process.kill()
                child.process.wait()
            child.let_go()


class _Child:
    """One process, since when it is there."""

    def __init__(self, process: "subprocess.Popen[bytes]") -> None:
        self.process = process
        self.pid = process.pid
        self.since = time.monotonic()

    def has_begun(self) -> bool:
        """Wait until it answers; False where it ended instead. It has said why on stderr."""
        assert self.process.stdout is not None
        return bool(self.process.stdout.readline())

    def let_go(self) -> None:
        """Close what is held of one that has ended."""
        for pipe in (self.process.stdin, self.process.stdout):
            if pipe is not None:
                pipe.close()
