"""A worker's own directory: its ledger, its outputs, and the lock that says it is alive."""

import fcntl
import hashlib
import os
import re
import socket
import sys
import time
from pathlib import Path
from uuid import uuid4

from headrace.errors import WorkerAlreadyRunning
from headrace.worker.ledger import Ledger

_MOST_OF_A_NAME = 64  # unnamed workers of one kind on one machine and home


class WorkerHome:
    """The directory of one worker, locked for as long as this process lives.

    Args:
        root: The directory of all workers.
        name: Whose it is. A worker that comes again under its name finds what it left.
        outlives_boot: Its attempts go on when its machine goes: what it left is found on another one too.

    Raises:
        WorkerAlreadyRunning: A live process has it.
    """

    def __init__(self, root: Path, name: str, *, outlives_boot: bool = False) -> None:
        self.name = name
        self.directory = root / _slug(name)
        self.directory.mkdir(parents=True, exist_ok=True)
        self._lock = os.open(self.directory / "lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(self._lock)
            message = (
                f"a worker named {name!r} runs on this machine already; stop it, or give this one "
                "another name with --name"
            )
            raise WorkerAlreadyRunning(message) from None
        self.ledger = ledger_of(self.directory, durable=outlives_boot)
        is_past = self.ledger.is_of_another_boot and not outlives_boot
        if self.ledger.is_new or is_past or not self.ledger.owner:
            self.ledger.reset(f"{name}@{socket.gethostname()}:{uuid4().hex[:12]}")
        elif self.ledger.is_of_another_boot:
            self.ledger.carry_over(time.monotonic())

    @property
    def owner(self) -> str:
        """Under what name its leases are held; the same after a restart."""
        return self.ledger.owner

    def close(self) -> None:
        """Let another process have it."""
        self.ledger.close()
        os.close(self._lock)


def ledger_of(directory: Path, *, durable: bool = False) -> Ledger:
    """The ledger in a worker's directory. All that map it see the same."""
    return Ledger(directory / "ledger", durable=durable)


def outputs_of(directory: Path) -> Path:
    """Where outputs of a worker's runs are while they run."""
    return directory / "output"


def preload_of(directory: Path) -> Path:
    """What runs of this interpreter imported before; shared by all workers here."""
    digest = hashlib.sha256(sys.executable.encode()).hexdigest()[:12]
    return directory.parent / f"preload-{digest}.json"


def open_home(
    root: Path, name: str | None, prefix: str, *, outlives_boot: bool = False
) -> WorkerHome:
    """The home of the worker of that name, or the first free one of `prefix`-hostname-N.

    Args:
        root: The directory of all workers.
        name: The worker's name, if it was given one.
        prefix: What a name begins with that is made.
        outlives_boot: As `WorkerHome` has it.

    Raises:
        WorkerAlreadyRunning: A live process has that name.
    """
    if name is not None:
        return WorkerHome(root, name, outlives_boot=outlives_boot)
    for number in range(1, _MOST_OF_A_NAME):
        try:
            made = f"{prefix}-{socket.gethostname()}-{number}"
            return WorkerHome(root, made, outlives_boot=outlives_boot)
        except WorkerAlreadyRunning:
            continue
    made = f"{prefix}-{socket.gethostname()}-{uuid4().hex[:8]}"
    return WorkerHome(root, made, outlives_boot=outlives_boot)


def _slug(name: str) -> str:
    """A directory name for any name, distinct for distinct names."""
    plain = re.sub(r"[^A-Za-z0-9._-]", "_", name)[:80].lstrip(".")
    if plain == name:
        return plain
    return f"{plain}-{hashlib.sha256(name.encode()).hexdigest()[:8]}"
