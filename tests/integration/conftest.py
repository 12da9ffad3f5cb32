"""A live server for tests over real HTTP: uvicorn in a thread, a database of either kind."""

import asyncio
import http.client
import json
import socket
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

import pytest
import uvicorn

from headrace.server.app import Application, build_app
from headrace.server.config import ServerConfig
from headrace.server.secrets import new_key
from headrace.server.store.open import open_database

READY_SECONDS = 60.0


@dataclass(frozen=True)
class Reply:
    """An answer, read whole."""

    status: int
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def json(self) -> Any:
        return json.loads(self.body)


# No loops; a key of its own, so that nothing is written to the home directory.
PLAIN: dict[str, Any] = {"loops_enabled": False, "encryption_keys": (new_key(),)}


class LiveServer:
    """A running server; `call` sends it one request on a connection of its own."""

    def __init__(self, url: str, config: ServerConfig) -> None:
        self._url = url
        self._config = config
        self._ready = threading.Event()
        self._failure: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="live server", daemon=True)
        self._server: uvicorn.Server | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self.app: Application | None = None
        self.port = 0

    def start(self) -> "LiveServer":
        self._thread.start()
        assert self._ready.wait(READY_SECONDS)
        if self._failure is not None:
            raise self._failure
        return self

    def stop(self) -> None:
        if self._server is not None and self._loop is not None and self.app is not None:
            self._server.should_exit = True
            self._loop.call_soon_threadsafe(self.app.services.close_calls)
        self._thread.join(READY_SECONDS)
        assert not self._thread.is_alive()

    def _run(self) -> None:
        try:
            with asyncio.Runner() as runner:
                runner.run(self._serve())
        except BaseException as error:  # noqa: BLE001 - handed to the thread of the test
            self._failure = error
            self._ready.set()

    async def _serve(self) -> None:
        database = await open_database(self._url)
        try:
            self._loop = asyncio.get_running_loop()
            self.app = build_app(database, self._config)
            with socket.socket() as bound:
                bound.bind(("127.0.0.1", 0))
                self.port = bound.getsockname()[1]
                self._server = uvicorn.Server(
                    uvicorn.Config(
                        self.app, log_config=None, access_log=False, ws="websockets-sansio"
                    )
                )
                serving = asyncio.create_task(self._server.serve(sockets=[bound]))
                while not self._server.started and not serving.done():  # noqa: ASYNC110 - uvicorn has no event for it
                    await asyncio.sleep(0.005)
                self._ready.set()
                await serving
        finally:
            await database.close()

    def call(
        self,
        method: str,
        path: str,
        body: object = None,
        *,
        query: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        raw: bytes | None = None,
    ) -> Reply:
        """Send a request; `path` begins after `/api`, or is whole if it begins with `//`."""
        target = path[1:] if path.startswith("//") else f"/api{path}"
        if query:
            target += "?" + urlencode(query)
        data = json.dumps(body).encode() if body is not None else raw
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            given = {"content-type": "application/json"} | dict(headers or {})
            connection.request(method, target, body=data, headers=given)
            answer = connection.getresponse()
            sent = {name.lower(): value for name, value in answer.getheaders()}
            return Reply(answer.status, answer.read(), sent)
        finally:
            connection.close()

    def get(self, path: str, **options: Any) -> Reply:
        return self.call("GET", path, **options)

    def post(self, path: str, body: object = None, **options: Any) -> Reply:
        return self.call("POST", path, body, **options)

    def patch(self, path: str, body: object = None, **options: Any) -> Reply:
        return self.call("PATCH", path, body, **options)

    def delete(self, path: str, **options: Any) -> Reply:
        return self.call("DELETE", path, **options)


@pytest.fixture
def serve() -> Iterator[Callable[..., LiveServer]]:
    """Starts servers: `serve(database_url, **settings)`. They end with the test."""
    started: list[LiveServer] = []

    def start(url: str, **settings: Any) -> LiveServer:
        server = LiveServer(url, ServerConfig(**(PLAIN | settings))).start()
        started.append(server)
        return server

    yield start
    for server in started:
        server.stop()


@pytest.fixture
def server(serve: Callable[..., LiveServer], database_url: str) -> LiveServer:
    """A server without background loops, on a fresh database of each kind."""
    return serve(database_url)


@pytest.fixture
def sqlite_server(serve: Callable[..., LiveServer], sqlite_url: str) -> LiveServer:
    """A server without background loops on SQLite, for what does not depend on the database."""
    return serve(sqlite_url)
