"""One warm parent as its worker sees it: a program, a socket, what it was asked to start."""

import contextlib
import hashlib
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from headrace.errors import InfrastructureUnavailable
from headrace.infrastructure.process.identity import ProcessId
from headrace.infrastructure.process.launches import Launch, Watch
from headrace.worker.warm.messages import EXECUTE, Fork, Options, Stream, pack

# How long a parent may take no message, seconds. It answers in microseconds once it has imported;
# imports of large distributions take this long on a slow disk.
_SEND_PATIENCE = 30.0
_SOCKET_BUFFER = 4 * 2**20  # bytes: a burst of claims is handed over without waiting


@dataclass(slots=True)
class Pending:
    """A launch that a parent was asked for."""

    launch: Launch
    watch: Watch
    process: ProcessId | None = None
    attempts: int = 1


@dataclass(slots=True)
class WarmParent:
    """A running parent program.

    Args:
        environment_key: Which environment it was started under.
        preload: What it was asked to import.
    """

    environment_key: str
    preload: tuple[str, ...]
    program: subprocess.Popen[bytes]
    connection: socket.socket
    stream: Stream
    identity: ProcessId
    pending: dict[str, Pending] = field(default_factory=dict[str, Pending])
    ready: bool = False
    retiring: bool = False
    used: float = 0.0
    seen_stopped: int = 0

    def fork(self, pending: Pending, request: Fork) -> None:
        """Ask for a child; the answer comes as a report.

        Raises:
            InfrastructureUnavailable: The parent is gone, or takes nothing.
        """
        self.pending[request.key] = pending
        try:
            self.connection.sendall(pack(request))
        except OSError as error:
            self.pending.pop(request.key, None)
            message = f"the warm parent {self.identity.pid} takes no requests: {error}"
            raise InfrastructureUnavailable(message) from None

    def retire(self) -> None:
        """Have it end when its children have."""
        self.retiring = True
        if not self.pending:
            self.hang_up()

    def hang_up(self) -> None:
        """Close our side; the program then ends with its last child."""
        with contextlib.suppress(OSError):
            self.connection.shutdown(socket.SHUT_RDWR)

    def kill(self) -> None:
        """End the program at once; its children go on."""
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.program.pid, signal.SIGKILL)

    def bury(self) -> None:
        """Reap the program after its socket closed, ending it if it will not."""
        try:
            self.program.wait(timeout=0.5)
        except subprocess.TimeoutExpired:
            self.kill()
            self.program.wait()
        self.connection.close()


def start_parent(
    key: str,
    environment: Mapping[str, str],
    ledger: Path,
    preload: tuple[str, ...],
    execute: str = EXECUTE,
) -> WarmParent:
    """Start a parent program under an environment.

    Raises:
        InfrastructureUnavailable: No process can be made.
    """
    ours, theirs = socket.socketpair()
    with theirs:
        options = Options(
            socket=theirs.fileno(), ledger=str(ledger), execute=execute, preload=list(preload)
        )
        argument = msgspec.json.encode(options).decode()
        try:
            program = subprocess.Popen(  # noqa: S603  # our own program
                [sys.executable, "-m", "headrace.worker.warm.program", argument],
                cwd=ledger.parent,
                env=dict(environment),
                stdin=subprocess.DEVNULL,
                pass_fds=(theirs.fileno(),),
                start_new_session=True,
            )
        except OSError as error:
            ours.close()
            message = f"no warm parent can be started: {error}"
            raise InfrastructureUnavailable(message) from None
    ours.settimeout(_SEND_PATIENCE)
    with contextlib.suppress(OSError):
        ours.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _SOCKET_BUFFER)
    return WarmParent(
        environment_key=key,
        preload=preload,
        program=program,
        connection=ours,
        stream=Stream(ours),
        identity=ProcessId.of(program.pid),
    )


def fork_request(launch: Launch) -> Fork:
    """The message for a launch."""
    run_id, _, epoch = launch.key.rpartition(".")
    alone = launch.command is not None
    return Fork(
        key=launch.key,
        slot=launch.slot,
        run_id=run_id,
        epoch=int(epoch),
        output=str(launch.output),
        working_dir=launch.working_dir,
        identity=dict(launch.identity),
        payload=msgspec.Raw(launch.payload or b"null"),
        command=list(launch.command) if launch.command is not None else None,
        environment=dict(launch.environment) if alone else None,
        user=launch.user,
        limits=launch.limits,
        group=launch.group,
    )


def environment_key(environment: Mapping[str, str]) -> str:
    """What tells environments apart."""
    text = "\0".join(f"{k}={v}" for k, v in sorted(environment.items()))
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()
