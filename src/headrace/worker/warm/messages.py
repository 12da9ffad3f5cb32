"""What a worker and its warm parent say to each other: JSON behind a length, over a Unix socket."""

import socket
import struct

import msgspec

from headrace.infrastructure.process.limits import Limits

_LENGTH = struct.Struct("<I")
# An answer of the API is bounded; a message longer than this is a broken stream, bytes.
_LARGEST = 64 * 2**20

# The exit code of a child whose final state the API has acknowledged. Any other, 0 among them, may
# as well come from `os._exit` in the flow's own code.
REPORTED = 86
# The child found that its parent or its slot was gone before it began.
NEVER_RAN = 87
# The lease could have expired: the child ended itself.
LEASE_OVER = 88


# What runs a claim; it and all that it needs are imported before anything that was learned.
EXECUTE = "headrace.worker.warm.flow:execute_claim"
# The same for flows of the contract's own SDK.
EXECUTE_CONTRACT = "headrace.worker.warm.contract_flow:execute_claim"


class Options(msgspec.Struct, kw_only=True):
    """The argument of the warm parent's program, JSON.

    Args:
        socket: The inherited socket's descriptor.
        ledger: The worker's ledger file.
        execute: What runs a claim, `module:function`.
        preload: Installed modules to import.
        refused: Those not to import, whatever `preload` says.
        rehearses: Whether it rehearses a run before it serves.
    """

    socket: int
    ledger: str
    execute: str = EXECUTE
    preload: list[str] = []
    refused: list[str] = []
    rehearses: bool = True


class Fork(msgspec.Struct, tag="fork", kw_only=True):
    """Start a child: of the flow in the payload, or of a command."""

    key: str
    slot: int
    run_id: str
    epoch: int
    output: str
    working_dir: str
    identity: dict[str, str] = {}
    payload: msgspec.Raw = msgspec.Raw(b"null")
    command: list[str] | None = None
    environment: dict[str, str] | None = None
    user: str | None = None
    limits: Limits = Limits()
    group: str = ""


class Ready(msgspec.Struct, tag="ready", kw_only=True):
    """The parent has imported what it was asked to."""

    refused: list[str] = []
    """Modules that start threads when imported, or cannot be imported: not to be asked for again."""


class Started(msgspec.Struct, tag="started", kw_only=True):
    """A child was made."""

    key: str
    pid: int
    started: int


class Exited(msgspec.Struct, tag="exited", kw_only=True):
    """A child and its group are gone."""

    key: str
    code: int
    cpu_seconds: float
    peak_kilobytes: int


class Refused(msgspec.Struct, tag="refused", kw_only=True):
    """No child was made."""

    key: str
    why: str
    threads: bool = False
    """The parent has more than one thread and forks no more: use another."""


class Learned(msgspec.Struct, tag="learned", kw_only=True):
    """A child imported these installed modules: worth having ready next time."""

    modules: list[str]


Request = Fork
Report = Ready | Started | Exited | Refused | Learned

_encoder = msgspec.json.Encoder()
_request_decoder = msgspec.json.Decoder(Request)
_report_decoder = msgspec.json.Decoder(Report)


def pack(message: Request | Report) -> bytes:
    """A message as it goes over the socket."""
    body = _encoder.encode(message)
    return _LENGTH.pack(len(body)) + body


class Stream:
    """Whole messages out of a socket's bytes."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._buffer = bytearray()

    def receive(self) -> list[bytes] | None:
        """The messages that arrived, after one read; None when the other side is gone."""
        try:
            chunk = self._connection.recv(262_144)
        except (BlockingIOError, InterruptedError):
            return []
        except OSError:
            return None
        if not chunk:
            return None
        self._buffer += chunk
        return self._split()

    def _split(self) -> list[bytes] | None:
        messages: list[bytes] = []
        buffer, start = self._buffer, 0
        while len(buffer) - start >= _LENGTH.size:
            (length,) = _LENGTH.unpack_from(buffer, start)
            if length > _LARGEST:
                return None
            end = start + _LENGTH.size + length
            if len(buffer) < end:
                break
            messages.append(bytes(buffer[start + _LENGTH.size : end]))
            start = end
        del buffer[:start]
        return messages


def read_request(raw: bytes) -> Request:
    """A message to the parent."""
    return _request_decoder.decode(raw)


def read_report(raw: bytes) -> Report:
    """A message to the worker."""
    return _report_decoder.decode(raw)
