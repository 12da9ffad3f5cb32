"""What a worker holds, in a file that all of its processes map: it outlives any of them.

Each attempt has a slot of fixed size: whose it is, its handle, the moment its process must be dead
by, and what became of it. The worker writes the slot before it launches, the attempt's process
writes its own number before it runs any of the flow's code, and whoever reaps it writes how it
ended. After `kill -9` of the worker the next one reads the file and knows what it left behind.

Another boot of the machine is recognised. What the ledger is about does not outlive a boot where attempts
are processes: nothing is synced to disk then. A container on another machine does: for those the ledger is
durable, each entry is synced, and a worker that comes up elsewhere goes on with it.
"""

import contextlib
import mmap
import os
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path
from uuid import UUID

from headrace.infrastructure.process.identity import ProcessId, boot_id

MAGIC = b"HRLEDG01"
SLOT_BYTES = 1024  # of which about 950 are the handle's
SLOTS = 4096  # as many attempts at once; the file is sparse
_HEADER = struct.Struct("<8s40s256s")  # magic, boot, owner
_DEADLINE = struct.Struct("<d")  # at 0: monotonic seconds; 0 is none
_ATTEMPT = struct.Struct("<i16siqH")  # at 16: epoch, run, parent, parent's start, handle's length
_PROCESS = struct.Struct("<iq")  # at 56: number, start
_EXIT = struct.Struct("<iB")  # at 72: code, reported
_AT_STATE, _AT_ATTEMPT, _AT_PROCESS, _AT_EXIT, _AT_FENCED, _AT_HANDLE = 8, 16, 56, 72, 77, 80
UNKNOWN_CODE = -(2**31)


class Stage(IntEnum):
    """How far an attempt came."""

    FREE = 0
    LAUNCHING = 1
    STARTED = 2
    EXITED = 3


@dataclass(frozen=True, slots=True)
class Entry:
    """One attempt as the ledger knows it."""

    slot: int
    stage: Stage
    run_id: str
    epoch: int
    handle: bytes
    parent: ProcessId
    process: ProcessId
    code: int | None
    reported: bool
    fenced: bool


class Ledger:
    """A mapped ledger file. One worker writes entries; its children write their own.

    Args:
        path: The file; made when missing.
        durable: Sync what is written, for attempts that outlive the machine's boot.
    """

    def __init__(self, path: Path, *, durable: bool = False) -> None:
        self.path = path
        self._is_durable = durable
        size = SLOT_BYTES * (SLOTS + 1)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | getattr(os, "O_CLOEXEC", 0), 0o600)
        try:
            if os.fstat(descriptor).st_size != size:
                os.ftruncate(descriptor, 0)
                os.ftruncate(descriptor, size)
            self._map = mmap.mmap(descriptor, size)
        finally:
            os.close(descriptor)
        magic, boot, _ = _HEADER.unpack_from(self._map, 0)
        self.is_new = magic != MAGIC
        self.is_of_another_boot = boot.rstrip(b"\0").decode("ascii", "replace") != boot_id()

    def reset(self, owner: str) -> None:
        """Empty the ledger and write who its leases belong to."""
        for slot in range(1, SLOTS + 1):
            if self.stage(slot):
                self.free(slot)
        self._head(owner)

    def carry_over(self, now: float) -> None:
        """Go on with what was written before the machine booted.

        Args:
            now: Monotonic seconds of this boot, which the deadlines are set to: another boot's say nothing.
        """
        for slot in range(1, SLOTS + 1):
            if self.stage(slot):
                self.extend(slot, now)
        self._head(self.owner)

    def _head(self, owner: str) -> None:
        raw = owner.encode()[:256]
        _HEADER.pack_into(self._map, 0, MAGIC, boot_id().encode("ascii"), raw)
        self.is_new = self.is_of_another_boot = False
        self._sync(0)

    def _sync(self, slot: int) -> None:
        if self._is_durable:
            start = slot * SLOT_BYTES // mmap.ALLOCATIONGRANULARITY * mmap.ALLOCATIONGRANULARITY
            self._map.flush(start, mmap.ALLOCATIONGRANULARITY)

    @property
    def owner(self) -> str:
        """Who the leases belong to."""
        return _HEADER.unpack_from(self._map, 0)[2].rstrip(b"\0").decode("utf-8", "replace")

    def stage(self, slot: int) -> Stage:
        """How far the slot's attempt came."""
        return Stage(self._map[slot * SLOT_BYTES + _AT_STATE])

    def enter(self, slot: int, run_id: str, epoch: int, handle: bytes, deadline: float) -> None:
        """Write an attempt down, before it is launched."""
        base = slot * SLOT_BYTES
        _DEADLINE.pack_into(self._map, base, deadline)
        raw = UUID(run_id).bytes
        _ATTEMPT.pack_into(self._map, base + _AT_ATTEMPT, epoch, raw, 0, 0, 0)
        _PROCESS.pack_into(self._map, base + _AT_PROCESS, 0, 0)
        _EXIT.pack_into(self._map, base + _AT_EXIT, UNKNOWN_CODE, 0)
        self.keep_handle(slot, handle)
        self.fence(slot, fenced=True)
        self._map[base + _AT_STATE] = Stage.LAUNCHING
        self._sync(slot)

    def keep_handle(self, slot: int, handle: bytes) -> None:
        """Write the newest form of an attempt's handle.

        Raises:
            ValueError: It is longer than a slot.
        """
        if len(handle) > SLOT_BYTES - _AT_HANDLE:
            message = f"a handle of {len(handle)} bytes does not fit the ledger's {SLOT_BYTES}"
            raise ValueError(message)
        base = slot * SLOT_BYTES
        self._map[base + _AT_HANDLE : base + _AT_HANDLE + len(handle)] = handle
        struct.pack_into("<H", self._map, base + _AT_ATTEMPT + _ATTEMPT.size - 2, len(handle))
        self._sync(slot)

    def fence(self, slot: int, *, fenced: bool) -> None:
        """Write whether the attempt's process must be dead before its lease can be over."""
        self._map[slot * SLOT_BYTES + _AT_FENCED] = int(fenced)

    def name_parent(self, slot: int, parent: ProcessId) -> None:
        """Write who was asked to start the attempt's process."""
        at = slot * SLOT_BYTES + _AT_ATTEMPT + 20
        struct.pack_into("<iq", self._map, at, parent.pid, parent.started)

    def is_for(self, slot: int, run_id: str, epoch: int) -> bool:
        """Whether the slot is still that attempt's, waiting to be started."""
        entry = self.read(slot)
        return (entry.stage, entry.run_id, entry.epoch) == (Stage.LAUNCHING, run_id, epoch)

    def mark_started(self, slot: int, process: ProcessId) -> None:
        """Write the attempt's process down; it does so itself, first of all."""
        base = slot * SLOT_BYTES
        _PROCESS.pack_into(self._map, base + _AT_PROCESS, process.pid, process.started)
        self._map[base + _AT_STATE] = Stage.STARTED

    def mark_exited(self, slot: int, code: int | None, *, reported: bool) -> None:
        """Write how the attempt ended."""
        base = slot * SLOT_BYTES
        value = UNKNOWN_CODE if code is None else code
        _EXIT.pack_into(self._map, base + _AT_EXIT, value, int(reported))
        self._map[base + _AT_STATE] = Stage.EXITED

    def deadline(self, slot: int) -> float:
        """The monotonic second that the attempt must be dead by; 0 when there is none."""
        return _DEADLINE.unpack_from(self._map, slot * SLOT_BYTES)[0]

    def extend(self, slot: int, deadline: float) -> None:
        """The lease was renewed: the attempt may live until then."""
        _DEADLINE.pack_into(self._map, slot * SLOT_BYTES, deadline)

    def free(self, slot: int) -> None:
        """The attempt is over and told: the slot may be another's."""
        base = slot * SLOT_BYTES
        self._map[base + _AT_STATE] = Stage.FREE
        _DEADLINE.pack_into(self._map, base, 0.0)

    def read(self, slot: int) -> Entry:
        """What the slot holds."""
        base = slot * SLOT_BYTES
        epoch, run, parent, parent_start, length = _ATTEMPT.unpack_from(
            self._map, base + _AT_ATTEMPT
        )
        pid, started = _PROCESS.unpack_from(self._map, base + _AT_PROCESS)
        code, reported = _EXIT.unpack_from(self._map, base + _AT_EXIT)
        handle = bytes(self._map[base + _AT_HANDLE : base + _AT_HANDLE + length])
        return Entry(
            slot=slot,
            stage=self.stage(slot),
            run_id=str(UUID(bytes=run)),
            epoch=epoch,
            handle=handle,
            parent=ProcessId(parent, parent_start),
            process=ProcessId(pid, started),
            code=None if code == UNKNOWN_CODE else code,
            reported=bool(reported),
            fenced=bool(self._map[base + _AT_FENCED]),
        )

    def entries(self) -> Iterator[Entry]:
        """The slots that are not free."""
        for slot in range(1, SLOTS + 1):
            if self.stage(slot):
                yield self.read(slot)

    def close(self) -> None:
        """Let go of the file."""
        with contextlib.suppress(BufferError):
            self._map.close()
