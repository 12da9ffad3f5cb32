"""Stopping synchronous code whose time is up.

In the main thread an interval timer's signal interrupts also a blocking system call. In other
threads the interpreter is asked to raise in that thread, which takes effect as soon as the thread
runs Python code again: a blocking call made there is not interrupted.
"""

import ctypes
import signal
import threading
import time
from collections.abc import Generator
from contextlib import contextmanager
from types import FrameType

from headrace.engine.commands import Expired


@contextmanager
def stop_after(seconds: float) -> Generator[None]:
    """Throw `Expired` into this block when it has run for `seconds`."""
    if threading.current_thread() is threading.main_thread() and hasattr(signal, "setitimer"):
        with _by_signal(seconds):
            yield
    else:
        with _by_thread(seconds):
            yield


@contextmanager
def _by_signal(seconds: float) -> Generator[None]:
    """With the process's one interval timer; an outer time-out that is nearer keeps its time."""
    started = time.monotonic()
    outer_handler = signal.getsignal(signal.SIGALRM)
    outer_left, _ = signal.getitimer(signal.ITIMER_REAL)
    if outer_left and outer_left <= seconds:
        yield
        return

    def expire(_: int, __: FrameType | None) -> None:
        raise Expired

    signal.signal(signal.SIGALRM, expire)
    signal.setitimer(signal.ITIMER_REAL, max(seconds, 1e-6))  # zero would switch the timer off
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, outer_handler)
        if outer_left:
            left = outer_left - (time.monotonic() - started)
            signal.setitimer(signal.ITIMER_REAL, max(left, 1e-6))


@contextmanager
def _by_thread(seconds: float) -> Generator[None]:
    """With a watching thread that asks the interpreter to raise here."""
    thread_id = threading.get_ident()
    lock = threading.Lock()
    over = False

    def expire() -> None:
        with lock:
            if not over:
                ctypes.pythonapi.PyThreadState_SetAsyncExc(
                    ctypes.c_ulong(thread_id), ctypes.py_object(Expired)
                )

    watcher = threading.Timer(seconds, expire)
    watcher.daemon = True
    watcher.start()
    try:
        yield
    finally:
        with lock:
            over = True
        watcher.cancel()
