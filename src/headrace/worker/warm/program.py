"""The warm parent: a program of its own that imports once and forks once per run.

It has one thread, no event loop and no logging; it refuses to fork when a module that it imported
has made a thread. It is spoken to over a Unix socket by the worker that started it. When the worker
is gone it forks nothing more, and stays only as long as its children do: it ends each of them at its
deadline and writes down how it ended, for the worker's successor to read.
"""

import contextlib
import gc
import importlib
import io
import json
import os
import selectors
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from types import FrameType
from typing import NoReturn

import msgspec

from headrace.infrastructure.process.identity import kill_group_of, started_at
from headrace.worker.ledger import Ledger
from headrace.worker.warm import child
from headrace.worker.warm.messages import (
    REPORTED,
    Exited,
    Fork,
    Learned,
    Options,
    Ready,
    Refused,
    Report,
    Started,
    Stream,
    pack,
    read_request,
)

_DEADLINE_CHECK = 0.5  # seconds between looks at the children's deadlines
_REHEARSAL = 5.0  # seconds; it takes 0.05 where nothing is in its way
_SEND_PATIENCE = 30.0  # seconds for a worker that reads nothing, before it counts as gone


class Parent:
    """The state of the program: its socket, its children, its ledger."""

    def __init__(self, options: Options, engine: child.Engine) -> None:
        self._socket: socket.socket | None = socket.socket(fileno=options.socket)
        self._socket.settimeout(_SEND_PATIENCE)
        self._stream = Stream(self._socket)
        self._ledger = Ledger(Path(options.ledger))
        self._children: dict[int, Fork] = {}
        self._selector = selectors.DefaultSelector()
        self._wake_read, self._wake_write = os.pipe()
        self._learned_read, self._learned_write = os.pipe()
        for descriptor in (self._wake_read, self._wake_write, self._learned_read):
            os.set_blocking(descriptor, False)
        self._selector.register(self._socket, selectors.EVENT_READ)
        self._selector.register(self._wake_read, selectors.EVENT_READ)
        self._selector.register(self._learned_read, selectors.EVENT_READ)
        self._origin = child.Origin(
            engine,
            self._ledger,
            os.getpid(),
            self._learned_write,
            frozenset(sys.modules),
        )
        self._checked = 0.0

    def serve(self, refused: list[str]) -> None:
        """Fork what is asked for until the worker and the last child are gone."""
        signal.set_wakeup_fd(self._wake_write, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, _note)
        gc.collect()
        gc.freeze()
        gc.disable()
        self._send(Ready(refused=refused))
        while self._socket is not None or self._children:
            for key, _ in self._selector.select(_DEADLINE_CHECK if self._children else None):
                self._take(key.fileobj)
            self._enforce_deadlines()

    def _take(self, source: object) -> None:
        if source is self._socket:
            self._take_requests()
        elif source == self._wake_read:
            _drain(self._wake_read)
            self._reap()
        else:
            for line in _drain(self._learned_read).splitlines():
                self._send(Learned(modules=json.loads(line)))

    def _take_requests(self) -> None:
        messages = self._stream.receive()
        if messages is None:
            self._lose_worker()
            return
        for raw in messages:
            self._fork(read_request(raw))

    def _fork(self, request: Fork) -> None:
        threads = count_threads()
        if threads > 1:
            why = f"the warm parent has {threads} threads and must not fork"
            self._send(Refused(key=request.key, why=why, threads=True))
            return
        try:
            pid = os.fork()
        except OSError as error:
            self._send(Refused(key=request.key, why=f"no process can be made: {error}"))
            return
        if pid == 0:
            self._close_in_child()
            child.run_forked(request, self._origin)
        self._children[pid] = request
        self._send(Started(key=request.key, pid=pid, started=started_at(pid) or 0))

    def _close_in_child(self) -> None:
        signal.set_wakeup_fd(-1)
        self._selector.close()
        if self._socket is not None:
            self._socket.close()
        for descriptor in (self._wake_read, self._wake_write, self._learned_read):
            os.close(descriptor)

    def _reap(self) -> None:
        while True:
            try:
                # Seen but not reaped: the number stays its group's while the rest is ended.
                seen = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
            except ChildProcessError:
                return
            if seen is None:
                return
            kill_group_of(seen.si_pid)
            pid, status, usage = os.wait4(seen.si_pid, 0)
            request = self._children.pop(pid, None)
            if request is None:
                continue
            code = os.waitstatus_to_exitcode(status)
            self._ledger.mark_exited(request.slot, code, reported=code == REPORTED)
            self._send(
                Exited(
                    key=request.key,
                    code=code,
                    cpu_seconds=round(usage.ru_utime + usage.ru_stime, 6),
                    peak_kilobytes=usage.ru_maxrss,
                )
            )

    def _enforce_deadlines(self) -> None:
        now = time.monotonic()
        if now - self._checked < _DEADLINE_CHECK:
            return
        self._checked = now
        for pid, request in self._children.items():
            deadline = self._ledger.deadline(request.slot)
            if deadline and now >= deadline:
                kill_group_of(pid)

    def _send(self, report: Report) -> None:
        if self._socket is None:
            return
        try:
            self._socket.sendall(pack(report))
        except OSError:
            self._lose_worker()

    def _lose_worker(self) -> None:
        if self._socket is not None:
            self._selector.unregister(self._socket)
            self._socket.close()
            self._socket = None


def _note(number: int, frame: FrameType | None) -> None:
    """The wake-up descriptor has the news; a handler must exist for it to be written to."""


def _drain(descriptor: int) -> bytes:
    parts: list[bytes] = []
    with contextlib.suppress(BlockingIOError):
        while part := os.read(descriptor, 65_536):
            parts.append(part)
    return b"".join(parts)


def count_threads() -> int:
    """How many threads this process has, those of native libraries included."""
    try:
        return len(os.listdir("/proc/self/task"))  # noqa: PTH208  # a third of the cost, once per fork
    except OSError:
        return threading.active_count()


def import_ready(names: Iterable[str]) -> list[str]:
    """Import each module; the names of those that failed or made a thread.

    Stops at the first that made a thread: this process cannot fork any more.
    """
    refused: list[str] = []
    for name in names:
        try:
            importlib.import_module(name)
        except BaseException:  # noqa: BLE001  # an installed module may do anything when imported
            refused.append(name)
        if count_threads() > 1:
            if name not in refused:
                refused.append(name)
            break
    return refused


def _rehearse(rehearse: Callable[[], None], options: Options) -> None:
    """Rehearse; where that takes too long, become a parent that does without."""

    def give_up(_number: int, _frame: FrameType | None) -> None:
        signal.setitimer(signal.ITIMER_REAL, 0)
        options.rehearses = False
        _start_again(options)

    signal.signal(signal.SIGALRM, give_up)
    signal.setitimer(signal.ITIMER_REAL, _REHEARSAL)
    try:
        with contextlib.suppress(Exception):  # what fails here need not fail in a run
            rehearse()
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, signal.SIG_DFL)


def _start_again(options: Options) -> NoReturn:
    os.set_inheritable(options.socket, True)  # noqa: FBT003  # it has no keyword
    arguments = [sys.executable, *sys.orig_argv[1:-1], msgspec.json.encode(options).decode()]
    os.execv(sys.executable, arguments)  # noqa: S606  # itself


def main(argument: str) -> None:
    """Run the program."""
    options = msgspec.json.decode(argument, type=Options)
    # It goes when its worker does. Blocked rather than ignored, so that a child that is asked to end
    # before it has set its handlers still hears of it.
    signal.pthread_sigmask(signal.SIG_BLOCK, child.HELD_BACK)
    del sys.path[0]  # the directory it was started in holds nothing that it may import
    output: object = sys.stdout
    if isinstance(output, io.TextIOWrapper):
        output.reconfigure(line_buffering=True)  # a line printed is a line kept
    engine = child.load_engine(options.execute)
    refused = import_ready(name for name in options.preload if name not in options.refused)
    options.refused += refused
    if refused and count_threads() > 1:
        _start_again(options)  # without what made the thread
    if engine.rehearse is not None and options.rehearses and count_threads() == 1:
        _rehearse(engine.rehearse, options)
    Parent(options, engine).serve(options.refused)


if __name__ == "__main__":
    main(sys.argv[1])
