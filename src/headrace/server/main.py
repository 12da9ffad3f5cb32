"""The server's program: options, the socket, the database, and a graceful end.

Nothing imports it: the CLI and the embedded server start it as a process of its own. It tells where it
answers in one JSON line on stdout, and beside an SQLite database in the file `<database>.address`.
"""

import argparse
import asyncio
import gc
import json
import logging
import os
import signal
import socket
import sys
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace

import uvicorn

from headrace import __version__
from headrace.errors import HeadraceError, ValidationFailed
from headrace.server.app import Application, build_app
from headrace.server.config import ServerConfig, read_config
from headrace.server.idleness import watch_idleness
from headrace.server.store.database import Database
from headrace.server.store.open import open_database
from headrace.server.workers import Workers

if sys.platform == "win32":
    from asyncio import new_event_loop
else:
    from uvloop import new_event_loop

# Connections that may wait to be accepted: a burst of workers that start together.
_BACKLOG = 2048
# Bytes of one WebSocket frame: an event with its payload is at most 1.5 MB in the contract.
_FRAME_BYTES = 16 * 1024 * 1024

EXIT_FAILED = 1
EXIT_MISUSED = 2


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a server; the exit code says how it ended (0: it was asked to stop)."""
    given = sys.argv[1:] if arguments is None else arguments
    options = _parser().parse_args(given)
    logging.basicConfig(
        level=options.log_level.upper(),
        format="%(asctime)s %(levelname)s %(name)s: %(message)s",
        stream=sys.stderr,
    )
    try:
        config = read_config(
            os.environ,
            host=options.host,
            port=options.port,
            database_url=options.database,
            exit_when_idle_seconds=options.exit_when_idle,
            keep_alive_seconds=options.keep_alive_timeout,
            loops_enabled=False if options.no_loops else None,
        )
        config = replace(config, loops_disabled=config.loops_disabled | {*options.without_loop})
        config.check()
        _check_sharing(options, config)
        if options.workers > 1 and options.socket is None:
            return _run_workers(config, given, options.workers)
        work = _run_loops(config) if options.loops_only else _serve(config, options.socket)
        with asyncio.Runner(loop_factory=new_event_loop) as runner:
            return runner.run(work)
    except ValidationFailed as error:
        return _complain(error, EXIT_MISUSED)
    except (HeadraceError, _PortTaken) as error:
        return _complain(error, EXIT_FAILED)


class _PortTaken(Exception):
    """The address cannot be bound."""


def _complain(error: Exception, code: int) -> int:
    sys.stderr.write(f"headrace server: {' '.join(str(error).split())}\n")
    return code


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m headrace.server", description="Run a Headrace server."
    )
    parser.add_argument("--database", help="sqlite:///path, a path, or postgresql://user@host/name")
    parser.add_argument("--host", help="address to bind; beyond loopback a key is required")
    parser.add_argument("--port", type=int, help="port to bind; 0 takes a free one")
    parser.add_argument(
        "--exit-when-idle",
        type=float,
        metavar="SECONDS",
        help="end when nobody asked for anything for so long and no run is live",
    )
    parser.add_argument(
        "--no-loops", action="store_true", help="answer requests only: no background loops"
    )
    parser.add_argument(
        "--without-loop",
        action="append",
        default=[],
        metavar="NAME",
        help="go without a background loop; may be given several times",
    )
    parser.add_argument(
        "--loops-only", action="store_true", help="run the background loops and answer nothing"
    )
    parser.add_argument(
        "--workers", type=int, default=1, help="processes that share the port, over PostgreSQL"
    )
    parser.add_argument(
        "--keep-alive-timeout", type=float, metavar="SECONDS", help="how long idle connections stay"
    )
    parser.add_argument("--socket", type=int, help=argparse.SUPPRESS)  # what a parent listens on
    parser.add_argument(
        "--log-level",
        default=os.environ.get("HEADRACE_SERVER_LOGGING_LEVEL", "WARNING"),
        choices=["debug", "info", "warning", "error", "DEBUG", "INFO", "WARNING", "ERROR"],
    )
    return parser


def _bind(config: ServerConfig) -> socket.socket:
    """The listening address. Raises `_PortTaken` where it cannot be had."""
    try:
        family, _, _, _, address = socket.getaddrinfo(
            config.host, config.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        bound = socket.socket(family, socket.SOCK_STREAM)
    except OSError as error:
        raise _PortTaken(f"{config.host!r} is no address of this machine: {error}") from error
    try:
        if os.name == "posix":
            # A port left in TIME_WAIT by the server before this one is free.
            bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind(address)
        bound.listen(_BACKLOG)
    except OSError as error:
        bound.close()
        raise _PortTaken(
            f"cannot listen on {config.host} port {config.port}: {error.strerror}; "
            "end the program that does, or choose another with --port"
        ) from error
    return bound


def url_of(bound: socket.socket) -> str:
    """Where the API answers on this socket."""
    name: tuple[str, int] = bound.getsockname()[:2]
    host, port = name
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 - compared, not bound
    return f"http://[{host}]:{port}/api" if ":" in host else f"http://{host}:{port}/api"


def _check_sharing(options: argparse.Namespace, config: ServerConfig) -> None:
    """Refuse what needs a database that several processes can use. Raises `ValidationFailed`."""
    wants = (
        ("--workers", options.workers > 1),
        ("--loops-only", options.loops_only),
    )
    for option, given in wants:
        if given and not config.database_url.startswith("postgres"):
            message = (
                "an SQLite database belongs to one process, which answers requests and runs the "
                "background loops: give a PostgreSQL database, or leave this out"
            )
            raise ValidationFailed([{"loc": [option], "msg": message}])


def _run_workers(config: ServerConfig, arguments: Sequence[str], count: int) -> int:
    bound = _bind(config)
    with bound:
        return Workers(bound, arguments, count).run(url_of(bound), _tell)


async def _run_loops(config: ServerConfig) -> int:
    database = await open_database(config.database_url)
    try:
        app = build_app(database, config)
        stopping = asyncio.Event()
        _on_signals(stopping.set)
        await app.begin()
        _tell(json.dumps({"url": "", "pid": os.getpid(), "version": __version__}))
        await stopping.wait()
        await app.end()
    finally:
        await database.close()
    return 0


async def _serve(config: ServerConfig, shared: int | None) -> int:
    bound = _bind(config) if shared is None else socket.socket(fileno=shared)
    bound.setblocking(False)  # noqa: FBT003 - the socket's own signature
    try:
        database = await open_database(config.database_url)
    except BaseException:
        bound.close()
        raise
    try:
        app = build_app(database, config)
        server = _Server(_uvicorn_config(app, config), app)
        _on_signals(server.stop)  # before it is announced: who reads the line may end it at once
        if shared is not None:  # its standard input ends with the parent
            asyncio.get_running_loop().add_reader(sys.stdin.fileno(), server.stop)
        _announce(database, url_of(bound))
        gc.collect()
        gc.freeze()  # what is loaded by now stays: later collections need not walk it
        watcher = asyncio.create_task(_watch(app, config, server))
        await server.serve(sockets=[bound])
        watcher.cancel()
        with suppress(asyncio.CancelledError):
            await watcher
        return 0 if server.started else EXIT_FAILED
    finally:
        await database.close()


def _announce(database: Database, url: str) -> None:
    database.announce(url)
    _tell(json.dumps({"url": url, "pid": os.getpid(), "version": __version__}))


def _tell(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


async def _watch(app: Application, config: ServerConfig, server: "_Server") -> None:
    if config.exit_when_idle_seconds is not None:
        await watch_idleness(app.services.database, app.metrics, config.exit_when_idle_seconds)
        server.stop()


def _uvicorn_config(app: Application, config: ServerConfig) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        http="httptools",
        ws="websockets-sansio",
        ws_max_size=_FRAME_BYTES,
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_keep_alive=int(config.keep_alive_seconds),
        timeout_graceful_shutdown=int(config.drain_seconds),
    )


class _Server(uvicorn.Server):
    """uvicorn's server, with an end that first lets held calls answer."""

    def __init__(self, config: uvicorn.Config, app: Application) -> None:
        super().__init__(config)
        self._app = app

    def stop(self) -> None:
        """Begin to stop; a second time: at once."""
        if self.should_exit:
            self.force_exit = True
        self.should_exit = True
        self._app.services.close_calls()

    @contextmanager
    def capture_signals(self) -> Generator[None]:
        """Nothing: `_stop_on_signals` has set what stops it."""
        yield


def _on_signals(stop: Callable[[], None]) -> None:
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        if sys.platform == "win32":
            signal.signal(number, lambda *_: loop.call_soon_threadsafe(stop))
        else:
            loop.add_signal_handler(number, stop)
