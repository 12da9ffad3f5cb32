"""How a run of the contract's own SDK in a process of ours hears of a cancellation.

Its engine takes a SIGTERM for a crash, unless it was told before that the run is cancelled: it then runs
the flow's cancellation hooks and ends without a word, and the worker says what became of the run. It is
told over a connection that it opens itself when two variables name a port and a token.
"""

import contextlib
import logging
import secrets
import socket
import threading

from headrace.worker.holdings import Held

_log = logging.getLogger("headrace.worker")

_HELLO = b"\x00PF\x02\x01"  # follows the token and a line's end; the same is the answer
_CANCEL, _HEARD = b"c", b"a"
_PATIENCE = 2.0  # seconds for an engine to say who it is, or that it has heard
_MOST_WAITING = 128  # connections that wait to be accepted: runs that start at once
_TOKEN_BYTES = 16

Key = tuple[str, int]


class ContractControl:
    """The worker's end of the connections to runs of the contract's own SDK. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._listener: socket.socket | None = None
        self._invited: dict[str, Key] = {}  # by token
        self._engines: dict[Key, socket.socket] = {}

    def invite(self, held: Held) -> dict[str, str]:
        """The environment that tells an attempt where it is heard of."""
        token = secrets.token_hex(_TOKEN_BYTES)
        with self._lock:
            port = self._listen().getsockname()[1]
            self._invited[token] = (held.run_id, held.epoch)
        return {
            "PREFECT__CONTROL_PORT": str(port),
            "PREFECT__CONTROL_TOKEN": token,
        }

    def announce_cancellation(self, held: Held) -> bool:
        """Tell the attempt that it is cancelled; whether it has heard. The SIGTERM comes after that."""
        with self._lock:
            engine = self._engines.get((held.run_id, held.epoch))
        if engine is None:
            return False
        try:
            engine.sendall(_CANCEL)
            return engine.recv(len(_HEARD)) == _HEARD
        except OSError:
            return False

    def forget(self, held: Held) -> None:
        """An attempt is over."""
        key = (held.run_id, held.epoch)
        with self._lock:
            engine = self._engines.pop(key, None)
            for token in [token for token, whose in self._invited.items() if whose == key]:
                del self._invited[token]
        if engine is not None:
            engine.close()

    def close(self) -> None:
        """Hear and tell nothing more."""
        with self._lock:
            listener, self._listener = self._listener, None
            engines = list(self._engines.values())
            self._engines.clear()
        if listener is not None:
            with contextlib.suppress(OSError):  # wakes the thread that accepts
                listener.shutdown(socket.SHUT_RDWR)
            listener.close()
        for engine in engines:
            engine.close()

    def _listen(self) -> socket.socket:
        if self._listener is None:
            self._listener = socket.create_server(("127.0.0.1", 0), backlog=_MOST_WAITING)
            threading.Thread(
                target=self._accept, args=(self._listener,), name="contract-control", daemon=True
            ).start()
        return self._listener

    def _accept(self, listener: socket.socket) -> None:
        while True:
            try:
                engine, _ = listener.accept()
            except OSError:
                return
            # One at a time, each with a bound: a stranger's connection holds up others for that long.
            engine.settimeout(_PATIENCE)
            try:
                self._welcome(engine)
            except OSError as error:
                _log.info("a connection for the control of a run was of no use: %s", error)
                engine.close()

    def _welcome(self, engine: socket.socket) -> None:
        """Remember whose engine this is. Raises `OSError` where it is nobody's."""
        expected = 2 * _TOKEN_BYTES + 1 + len(_HELLO)
        said = b""
        while len(said) < expected:
            part = engine.recv(expected - len(said))
            if not part:
                break
            said += part
        token, _, hello = said.partition(b"\n")
        with self._lock:
            key = self._invited.pop(token.decode("ascii", "replace"), None)
            if key is None or hello != _HELLO:
                raise ConnectionRefusedError("it knows no token, or speaks another language")
            self._engines[key] = engine
        engine.sendall(_HELLO)
