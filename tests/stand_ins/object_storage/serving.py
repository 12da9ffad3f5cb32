"""A storage's HTTP: a server in a thread, what it keeps, and what it was asked that it does not know."""

from __future__ import annotations

import threading
from base64 import b64encode
from dataclasses import dataclass, field
from hashlib import md5
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar
from urllib.parse import parse_qsl, unquote, urlsplit


@dataclass(frozen=True)
class Blob:
    """An object: its bytes, and the number of its version."""

    content: bytes
    generation: int

    @property
    def md5(self) -> str:
        return b64encode(md5(self.content, usedforsecurity=False).digest()).decode()


def browse(
    blobs: dict[str, Blob], prefix: str, delimiter: str | None
) -> tuple[list[tuple[str, Blob]], list[str]]:
    """What stands below a prefix in order of names, and the deeper prefixes up to a delimiter."""
    found: list[tuple[str, Blob]] = []
    prefixes: dict[str, None] = {}
    for name, blob in sorted(blobs.items()):
        if not name.startswith(prefix):
            continue
        rest = name.removeprefix(prefix)
        if delimiter and delimiter in rest:
            prefixes[prefix + rest.partition(delimiter)[0] + delimiter] = None
        else:
            found.append((name, blob))
    return found, list(prefixes)


@dataclass
class Kept:
    """Buckets with their objects, and the requests that were refused."""

    buckets: dict[str, dict[str, Blob]] = field(default_factory=dict)
    pending: dict[str, Any] = field(default_factory=dict)
    refused: list[str] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    lock: threading.RLock = field(default_factory=threading.RLock)

    def put(self, bucket: str, name: str, content: bytes) -> Blob:
        blob = Blob(content, sum(map(len, self.buckets.values())) + 1)
        self.buckets[bucket][name] = blob
        return blob


class RefusedError(Exception):
    """A request that the vendor's service would refuse, or that the stand-in does not know."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status


class Exchange(BaseHTTPRequestHandler):
    """One connection; a vendor's stand-in says what `answer` does."""

    protocol_version = "HTTP/1.1"
    kept: ClassVar[Kept]

    def answer(self, method: str, path: str, query: dict[str, str], body: bytes) -> None:
        raise NotImplementedError

    def send(self, status: int, body: bytes = b"", **headers: str) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        length = headers.get("Content_Length")
        if length is None:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def ranged(self, content: bytes, header: str) -> tuple[int, bytes, dict[str, str]]:
        """What a range asks for: status, bytes and the header that tells."""
        wanted = self.headers.get(header) or ""
        if not wanted.startswith("bytes="):
            return 200, content, {}
        first, _, last = wanted.removeprefix("bytes=").partition("-")
        start, end = int(first), min(int(last or len(content)), len(content) - 1)
        if start >= len(content):
            raise RefusedError(416, "the range is outside of the object")
        shown = f"bytes {start}-{end}/{len(content)}"
        return 206, content[start : end + 1], {"Content_Range": shown}

    def _exchange(self) -> None:
        parts = urlsplit(self.path)
        query = dict(parse_qsl(parts.query, keep_blank_values=True))
        body = self._body()
        with self.kept.lock:
            self.kept.asked.append(f"{self.command} {parts.path}")
            try:
                self.answer(self.command, unquote(parts.path), query, body)
            except RefusedError as error:
                if error.status not in {404, 409, 416}:
                    self.kept.refused.append(f"{self.command} {self.path}: {error}")
                self.send(error.status, str(error).encode())
            except (KeyError, ValueError) as error:  # what the request ought to have is not there
                self.kept.refused.append(f"{self.command} {self.path}: {error!r}")
                self.send(400, repr(error).encode())

    def _body(self) -> bytes:
        if self.headers.get("Transfer-Encoding") != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length") or 0))
        whole = b""
        while size := int(self.rfile.readline().split(b";")[0], 16):
            whole += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return whole

    do_GET = do_PUT = do_POST = do_HEAD = do_DELETE = _exchange  # noqa: N815  # as the library calls them

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # the library's name
        """Nothing: tests read what was refused."""


class StandIn:
    """A storage that answers on a port of its own, until it is stopped."""

    def __init__(self, exchange: type[Exchange]) -> None:
        self.kept = Kept()
        bound = type("Bound", (exchange,), {"kept": self.kept})
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), bound)
        self._server.daemon_threads = True
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(0.05,), daemon=True
        )
        self._thread.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}"

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(30)
