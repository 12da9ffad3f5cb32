"""The connection to a Docker engine: found, opened when it is needed, and its errors told."""

import contextlib
import sys
import threading
from collections.abc import Generator, Mapping
from typing import Any, Final

from docker.utils import kwargs_from_env

from headrace.infrastructure.docker.api import Api, open_api
from headrace.infrastructure.docker.failures import told

_SHORT = 15.0  # seconds for a short request; an engine under load may take several
_LONG = 3600.0  # seconds of silence in a stream: a pull, an output, the events
_DEFAULT_URL: Final = "unix:///var/run/docker.sock"


class Connection:
    """One engine, found as the `docker` command finds it. Thread-safe.

    Args:
        environment: Where `DOCKER_HOST` and its like are read; the process's own when not given.
    """

    def __init__(self, environment: Mapping[str, str] | None = None) -> None:
        given = dict(environment) if environment is not None else None
        with told("the engine cannot be found", str((given or {}).get("DOCKER_HOST", ""))):
            self._options: dict[str, Any] = dict(kwargs_from_env(environment=given))
        self.url = str(self._options.get("base_url") or _DEFAULT_URL)
        self._lock = threading.Lock()
        self._client: Api | None = None
        self._version = ""

    @property
    def is_here(self) -> bool:
        """Whether the engine's containers can share this machine's own network."""
        return sys.platform == "linux" and self.url.startswith(("unix:", "http+unix:"))

    def close(self) -> None:
        """Close what is open."""
        with self._lock:
            if self._client is not None:
                self._client.close()
                self._client = None

    def told(self, what: str) -> contextlib.AbstractContextManager[None]:
        """Around requests: what the engine's SDK raises becomes our own errors, as `told` has it."""
        return told(what, self.url)

    def short(self) -> Api:
        """The client that short requests share."""
        with self._lock:
            if self._client is None:
                self._client = open_api(self._options, "auto", _SHORT)
                self._version = self._client.api_version
            return self._client

    @contextlib.contextmanager
    def long(self, timeout: float = _LONG) -> Generator[Api]:
        """A client of its own, so that a stream holds up nobody.

        Args:
            timeout: Seconds of silence.
        """
        self.short()
        client = open_api(self._options, self._version, timeout)
        with contextlib.closing(client):
            yield client
