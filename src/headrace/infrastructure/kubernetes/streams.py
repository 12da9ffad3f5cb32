"""The outputs of attempts that are shown."""

import threading
from typing import Final

from headrace.infrastructure.contract import Write
from headrace.infrastructure.kubernetes.cluster import Cluster
from headrace.infrastructure.kubernetes.follower import STREAMS, Follower
from headrace.infrastructure.kubernetes.observer import Key
from headrace.infrastructure.kubernetes.views import PodView

# Seconds that the end of an attempt waits for the rest of its output, which the API has at that moment.
_REST: Final = 3.0


class Streams:
    """Followers by attempt. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._followers: dict[Key, Follower] = {}

    def show(
        self, key: Key, cluster: Cluster, pod: PodView, write: Write, *, is_over: bool
    ) -> None:
        """Write what an attempt's pod has printed since.

        Beyond a bound of streams, an attempt is followed once another has ended.

        Raises:
            OSError: `write` did.
        """
        follower = self._follow(key, cluster, pod)
        if follower is None:
            return
        if is_over:
            follower.finish(_REST)
        follower.show(write)

    def tail(self, key: Key) -> list[str]:
        """The last lines that were read."""
        with self._lock:
            follower = self._followers.get(key)
        return list(follower.tail) if follower else []

    def drop(self, key: Key) -> None:
        """Follow an attempt no more."""
        with self._lock:
            follower = self._followers.pop(key, None)
        if follower is not None:
            follower.close()

    def close(self) -> None:
        """Follow nothing more."""
        with self._lock:
            for follower in self._followers.values():
                follower.close()

    def _follow(self, key: Key, cluster: Cluster, pod: PodView) -> Follower | None:
        with self._lock:
            found = self._followers.get(key)
            if found is None and pod.has_begun and self._live() < STREAMS:
                meta = pod.metadata
                found = Follower(cluster, meta.namespace, meta.name, pod.main.name)
                self._followers[key] = found
                found.start()
            return found

    def _live(self) -> int:
        return sum(not follower.is_over for follower in self._followers.values())
