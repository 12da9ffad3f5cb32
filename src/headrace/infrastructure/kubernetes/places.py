"""Where a worker has made jobs: kept in a file, so that a restarted worker finds them again.

A job may name another cluster by a block. Its credentials are needed to look after it, and a handle is no
place for them; they stay in the worker's own directory, readable by its user alone.
"""

import os
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import msgspec

from headrace.infrastructure.kubernetes.connection import Access

_FILE: Final = "kubernetes.json"
_PRIVATE: Final = 0o600


class Place(msgspec.Struct, frozen=True):
    """A namespace of a cluster.

    Args:
        cluster: The fingerprint of how the cluster is reached.
        namespace: The namespace.
    """

    cluster: str
    namespace: str


class _Known(msgspec.Struct):
    places: list[Place] = []
    configs: dict[str, dict[str, Any]] = {}
    contexts: dict[str, str | None] = {}


class Places:
    """The places of one worker. Thread-safe.

    Args:
        directory: The worker's directory.
    """

    def __init__(self, directory: Path) -> None:
        self._path = directory / _FILE
        self._lock = threading.Lock()
        self._known = self._read()

    def note(self, access: Access, namespace: str) -> Place:
        """A place where a job is about to be made; written down before this returns."""
        place = Place(access.fingerprint, namespace)
        with self._lock:
            if place not in self._known.places:
                self._known.places.append(place)
                if access.config is not None:
                    self._known.configs[place.cluster] = dict(access.config)
                self._known.contexts[place.cluster] = access.context
                self._write()
        return place

    def all(self) -> list[Place]:
        """All that were noted."""
        with self._lock:
            return list(self._known.places)

    def access(self, cluster: str) -> Access | None:
        """How the cluster of that fingerprint is reached; None where that is not known here."""
        with self._lock:
            if cluster not in self._known.contexts:
                return Access() if not cluster else None
            config: Mapping[str, Any] | None = self._known.configs.get(cluster)
            return Access(config, self._known.contexts[cluster])

    def _read(self) -> _Known:
        try:
            return msgspec.json.decode(self._path.read_bytes(), type=_Known)
        except (OSError, msgspec.MsgspecError):
            return _Known()  # none yet, or cut off: what it named is found by stored handles

    def _write(self) -> None:
        fresh = self._path.with_suffix(".new")
        descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, _PRIVATE)
        with os.fdopen(descriptor, "wb") as file:
            file.write(msgspec.json.encode(self._known))
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(self._path)
