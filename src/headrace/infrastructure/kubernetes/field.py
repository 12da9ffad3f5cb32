"""The clusters and namespaces that a worker looks at."""

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Final

from headrace.errors import InfrastructureError
from headrace.infrastructure.kubernetes.cluster import Cluster
from headrace.infrastructure.kubernetes.connection import Access
from headrace.infrastructure.kubernetes.observer import Key, Observer
from headrace.infrastructure.kubernetes.places import Place, Places

Changed = Callable[[Observer, Key | None], None]
Vanished = Callable[[Observer, Key], None]

MOST_PLACES: Final = 256  # each is a thread and a stream; more than that is no worker's work


class Field:
    """Connections and observers, made when they are needed. Thread-safe.

    Args:
        directory: Where what is known of clusters is kept.
        selector: Which objects are ours, by their labels.
        changed: Told after each look.
        vanished: Told when a pod was seen to go.
        interval: Seconds between lists.
    """

    def __init__(
        self,
        directory: Path,
        selector: str,
        changed: Changed,
        vanished: Vanished,
        interval: float,
    ) -> None:
        self._places = Places(directory)
        self._selector = selector
        self._told = (changed, vanished)
        self._interval = interval
        self._lock = threading.Lock()
        self._closing = threading.Event()
        self._clusters: dict[str, Cluster] = {}
        self._observers: dict[Place, Observer] = {}

    def enter(self, access: Access, namespace: str) -> Place:
        """A place where a job is about to be made."""
        return self._places.note(access, namespace)

    def cluster(self, place: Place) -> Cluster:
        """The cluster of a place.

        Raises:
            InfrastructureError: How it is reached is not known here.
        """
        with self._lock:
            return self._cluster(place.cluster)

    def observe(self, place: Place) -> Observer:
        """What looks at a place.

        Raises:
            InfrastructureError: How its cluster is reached is not known here, or there are too many.
        """
        with self._lock:
            found = self._observers.get(place)
            if found is None:
                if len(self._observers) >= MOST_PLACES:
                    message = f"this worker looks at {MOST_PLACES} namespaces; start another worker"
                    raise InfrastructureError(message)
                found = Observer(
                    self._cluster(place.cluster),
                    place.namespace,
                    self._selector,
                    changed=self._told[0],
                    vanished=self._told[1],
                    interval=self._interval,
                )
                self._observers[place] = found
                found.start()
            return found

    def observe_all(self) -> list[tuple[Place, Observer]]:
        """All places where this worker ever made a job, and what looks at them."""
        return [(place, self.observe(place)) for place in self._places.all()]

    def close(self) -> None:
        """Look no more."""
        self._closing.set()
        with self._lock:
            for observer in self._observers.values():
                observer.close()

    def _cluster(self, fingerprint: str) -> Cluster:
        found = self._clusters.get(fingerprint)
        if found is None:
            access = self._places.access(fingerprint)
            if access is None:
                message = (
                    f"this worker does not know how to reach cluster {fingerprint}: what it noted of "
                    "it is lost. Its jobs there are to be looked after by hand"
                )
                raise InfrastructureError(message)
            found = self._clusters[fingerprint] = Cluster(access, self._closing.wait)
        return found
