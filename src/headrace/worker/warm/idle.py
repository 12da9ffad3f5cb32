"""The starter for systems without a safe fork: interpreters that were started before they are needed."""

import contextlib
import os
import subprocess
import sys
import threading
from collections.abc import Mapping
from pathlib import Path

import msgspec

from headrace.core.sdks import Sdk
from headrace.errors import InfrastructureUnavailable
from headrace.infrastructure.process.identity import ProcessId, kill_group_of
from headrace.infrastructure.process.launches import Launch, Watch
from headrace.infrastructure.process.spawn import SpawnStarter
from headrace.worker.ledger import Ledger
from headrace.worker.warm.messages import EXECUTE, NEVER_RAN, REPORTED
from headrace.worker.warm.parents import environment_key, fork_request

READY = 2  # interpreters that wait; each costs about 30 MB


class IdleStarter:
    """Hands each attempt to an interpreter that waits, and starts the next one.

    Args:
        ledger: The worker's ledger.
        execute: What runs a claim, `module:function`.
    """

    def __init__(self, ledger: Ledger, execute: str = EXECUTE) -> None:
        self._ledger = ledger
        self._execute = execute
        self._spawn = SpawnStarter()
        self._lock = threading.Lock()
        self._idle: list[subprocess.Popen[bytes]] = []
        self._key = ""
        self._closed = False

    def warm_up(self, environment: Mapping[str, str]) -> None:
        """Have interpreters wait for attempts under an environment."""
        with self._lock:
            self._fill(environment)

    def start(self, launch: Launch, watch: Watch) -> None:
        """Give the attempt to an interpreter.

        Raises:
            InfrastructureUnavailable: No process can be made.
            InfrastructureError: The command, directory or user does not exist.
        """
        if launch.fresh or launch.sdk is not Sdk.HEADRACE:
            self._spawn.start(launch, watch)
            return
        with self._lock:
            process = self._take(launch.environment)
        identity = ProcessId.of(process.pid)
        self._ledger.name_parent(launch.slot, ProcessId.of(os.getpid()))
        try:
            _hand_over(process, msgspec.json.encode(fork_request(launch)) + b"\n")
        except OSError as error:
            process.kill()
            process.wait()
            message = f"an idle interpreter ended before it was needed: {error}"
            raise InfrastructureUnavailable(message) from None
        watch.started(launch.key, identity)
        threading.Thread(
            target=_wait, args=(process, launch.key, watch), name="process-wait", daemon=True
        ).start()
        with self._lock:
            self._fill(launch.environment)

    def close(self) -> None:
        """Start nothing more; those that wait end."""
        self._spawn.close()
        with self._lock:
            self._closed = True
            self._empty()

    def _take(self, environment: Mapping[str, str]) -> subprocess.Popen[bytes]:
        if self._closed:
            message = "this worker is closing and starts nothing more"
            raise InfrastructureUnavailable(message)
        self._fill(environment)
        return self._idle.pop(0)

    def _fill(self, environment: Mapping[str, str]) -> None:
        key = environment_key(environment)
        if key != self._key:
            self._empty()
            self._key = key
        while len(self._idle) < READY and not self._closed:
            self._idle.append(_start(self._ledger.path, self._execute, environment))

    def _empty(self) -> None:
        for process in self._idle:
            if process.stdin is not None:
                process.stdin.close()
            process.wait()
        self._idle.clear()


def _start(ledger: Path, execute: str, environment: Mapping[str, str]) -> subprocess.Popen[bytes]:
    try:
        return subprocess.Popen(  # noqa: S603  # our own program
            [sys.executable, "-m", "headrace.worker.warm.idle_program", str(ledger), execute],
            cwd=ledger.parent,
            env=dict(environment),
            stdin=subprocess.PIPE,
            start_new_session=True,
        )
    except OSError as error:
        message = f"no interpreter can be started: {error}"
        raise InfrastructureUnavailable(message) from None


def _hand_over(process: subprocess.Popen[bytes], request: bytes) -> None:
    assert process.stdin is not None, "it was started with one"
    with contextlib.closing(process.stdin) as stdin:
        stdin.write(request)
        stdin.flush()


def _wait(process: subprocess.Popen[bytes], key: str, watch: Watch) -> None:
    if hasattr(os, "waitid"):
        # Seen but not reaped: the number stays the group's until what is left of it is ended.
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
        kill_group_of(process.pid)
    code = process.wait()
    if code == NEVER_RAN:
        watch.not_started(key, "its process was not wanted any more")
    else:
        watch.exited(key, code, reported=code == REPORTED)
