"""A few runs in the warm parent itself, against an API that stands in for the server's.

An interpreter adapts the code that it runs, and fills its caches, by writing where the code is. Done here,
once, it is done for all children: a child that does it copies each page that it writes to.
"""

import contextlib
import os
import signal
import socket
import sys
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, NoReturn

import msgspec

from headrace.client.default import default_client
from headrace.core.entry_modules import ENTRY_PREFIX
from headrace.engine.recorder import dismiss, hold_back
from headrace.settings import temporary_settings

ROUNDS: Final = 16
"""Runs: code is adapted after eight calls, and what calls it after eight of its own."""

_PATIENCE: Final = 5.0  # seconds for one request of a rehearsal, on a machine that is busy
_FLOW: Final = Path(__file__).with_name("rehearsed.py")
_ID: Final = "00000000-0000-7000-8000-000000000000"
_TIME: Final = "2026-01-01T00:00:00.000000Z"
_OF_A_ROW: Final = {"id": _ID, "flow_id": _ID, "created": _TIME, "updated": _TIME}

CLAIM: Final = msgspec.json.encode(
    {
        "flow_run": _OF_A_ROW,
        "flow_name": "rehearsed",
        "epoch": 1,
        "lease_expires": _TIME,
        "deployment": {
            **_OF_A_ROW,
            "name": "rehearsed",
            "path": str(_FLOW.parent),
            "entrypoint": f"{_FLOW.name}:rehearsed",
        },
    }
)
"""The claim of a run that does not exist, JSON."""


def rehearse(run: Callable[[bytes], object]) -> None:
    """Run the claim of a made-up run some times. A process with more threads than one must not.

    Args:
        run: Runs a claim under the settings that this process has.
    """
    with socket.create_server(("127.0.0.1", 0)) as listener:
        helper = os.fork()
        if helper == 0:
            _answer(listener)
        try:
            url = f"http://127.0.0.1:{listener.getsockname()[1]}/api"
            with _as_before(), _aimed_at(url):
                for _ in range(ROUNDS):
                    run(CLAIM)
        finally:
            os.kill(helper, signal.SIGKILL)
            os.waitpid(helper, 0)


@contextmanager
def _aimed_at(url: str) -> Generator[None]:
    with temporary_settings(
        api_url=url,
        api_key=None,
        api_auth_string=None,
        api_request_timeout=_PATIENCE,
        client_max_retries=0,
        client_custom_headers={},
    ):
        client = default_client()
        hold_back()
        try:
            yield
        finally:
            dismiss(client)
            client.close()


@contextmanager
def _as_before() -> Generator[None]:
    """Leave nothing of a run behind in this process, and nothing of its output anywhere."""
    directory, path = Path.cwd(), sys.path[:]
    kept = [os.dup(1), os.dup(2)]
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        for number in (1, 2):
            os.dup2(nowhere, number)
        yield
    finally:
        for number, descriptor in zip((1, 2), kept, strict=True):
            os.dup2(descriptor, number)
            os.close(descriptor)
        os.close(nowhere)
        os.chdir(directory)
        sys.path[:] = path
        sys.modules.pop(ENTRY_PREFIX + _FLOW.stem, None)


# The API that stands in: in a process of its own, which ends with its first connection.


def _answer(listener: socket.socket) -> NoReturn:
    try:
        listener.settimeout(_PATIENCE)
        connection, _ = listener.accept()
        connection.settimeout(_PATIENCE)
        with connection.makefile("rb") as requests:
            while _answer_one(requests, connection):
                pass
    finally:
        os._exit(0)


def _answer_one(requests: Any, connection: socket.socket) -> bool:
    """Accept whatever state is proposed; false when there is no more."""
    length = 0
    line = requests.readline()
    while line and line != b"\r\n":
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            length = int(value)
        line = requests.readline()
    if not line:
        return False
    proposed = msgspec.json.decode(requests.read(length) or b"{}")
    state = {"name": None, **proposed.get("state", {}), "id": _ID, "timestamp": _TIME}
    body = msgspec.json.encode(
        {"status": "ACCEPT", "details": {"type": "accept_details"}, "state": state}
    )
    head = b"HTTP/1.1 201 Created\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n"
    with contextlib.suppress(ConnectionError):
        connection.sendall(head % len(body) + body)
    return True
