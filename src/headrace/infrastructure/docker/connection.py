"""The connection to a Docker engine: found, opened when it is needed, and its errors told."""

import contextlib
import os
import sys
import threading
from collections.abc import Generator, Mapping
from typing import Any, Final

from docker.constants import IS_WINDOWS_PLATFORM
from docker.errors import DockerException
from docker.utils import kwargs_from_env, parse_host

from headrace.errors import InfrastructureError
from headrace.infrastructure.docker.api import Api, open_api
from headrace.infrastructure.docker.failures import told

_SHORT = 15.0  # seconds for a short request; an engine under load may take several
_LONG = 3600.0  # seconds of silence in a stream: a pull, an output, the events
_DEFAULT_URL: Final = "unix:///var/run/docker.sock"
_VARIABLES: Final = ("DOCKER_HOST", "DOCKER_TLS_VERIFY", "DOCKER_CERT_PATH")


class Connection:
    """One engine, found as the `docker` command finds it. Thread-safe.

    Args:
        environment: Where `DOCKER_HOST` and its like are read; the process's own when not given.

    Raises:
        InfrastructureError: They name no engine, or keys that cannot be used.
    """

    def __init__(self, environment: Mapping[str, str] | None = None) -> None:
        given = dict(os.environ if environment is None else environment)
        self.url = given.get("DOCKER_HOST") or _DEFAULT_URL
        try:
            self._options: dict[str, Any] = dict(kwargs_from_env(environment=given))
            parse_host(self.url, IS_WINDOWS_PLATFORM, tls="tls" in self._options)
        except (DockerException, OSError, ValueError) as error:
            names = ", ".join(f"{name}={given[name]}" for name in _VARIABLES if given.get(name))
            message = f"the Docker engine cannot be found with {names}: {error}"
            raise InfrastructureError(message) from None
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
