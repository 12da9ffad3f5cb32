"""Sees the jobs and pods of one namespace: listed whole at intervals, and watched in between.

A list is the truth; the watch only brings it sooner. What it costs does not depend on how many attempts
there are: a page for every thousand objects, and one stream.
"""

import contextlib
import logging
import math
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final, TypeVar

import msgspec

from headrace.errors import HeadraceError, InfrastructureError
from headrace.infrastructure.kubernetes.cluster import Answer, Cluster
from headrace.infrastructure.kubernetes.names import attempt_of
from headrace.infrastructure.kubernetes.views import (
    JobListView,
    JobView,
    PodListView,
    PodView,
    StatusView,
    WatchView,
)

_log = logging.getLogger("headrace.worker")

Key = tuple[str, int]
"""A run and the number of its attempt."""

INTERVAL: Final = 30.0  # seconds between lists while the watch works
_AGAIN: Final = 1.0  # seconds from a list to the next where something is expected to vanish
_SHARE: Final = (
    5.0  # times as long as a list took, nothing is listed again: the API has others to serve
)
_PAUSE_LONGEST: Final = 10.0  # seconds between lists while the API is away
_PAGE: Final = 1000  # objects in a page: about 5 MB of pods
_RESTARTS: Final = 3  # of a list whose pages expired while it was read
_EXPIRED: Final = 410
_WATCH: Final = 5.0  # seconds that one watch lasts at most: so long a wish for a list may go unseen
_READ_SLACK: Final = 10.0  # seconds that a watch may end later than it was asked to

_jobs = msgspec.json.Decoder(JobListView)
_pods = msgspec.json.Decoder(PodListView)
_watched = msgspec.json.Decoder(WatchView)
_pod = msgspec.json.Decoder(PodView)
_status = msgspec.json.Decoder(StatusView)

_List = TypeVar("_List", JobListView, PodListView)


@dataclass(frozen=True, slots=True)
class Sight:
    """What was seen of an attempt."""

    job: JobView | None = None
    pods: tuple[PodView, ...] = ()


@dataclass(slots=True)
class Snapshot:
    """A namespace as it was listed, with what the watch saw since.

    Args:
        began: When its first request was sent, monotonic seconds: what was made before is in it.
        jobs: By attempt.
        pods: By attempt, then by their unique ids.
        skew: How far the cluster's clock is ahead of ours, seconds.
        version: Where the watch of pods begins.
    """

    began: float = 0.0
    jobs: dict[Key, JobView] = field(default_factory=dict[Key, JobView])
    pods: dict[Key, dict[str, PodView]] = field(default_factory=dict[Key, dict[str, PodView]])
    skew: float = 0.0
    version: str = ""

    def of(self, key: Key) -> Sight:
        """What was seen of an attempt."""
        return Sight(self.jobs.get(key), tuple(self.pods.get(key, {}).values()))

    @property
    def keys(self) -> set[Key]:
        """The attempts of which something is there."""
        return self.jobs.keys() | self.pods.keys()


class Observer:
    """Looks at a namespace, in a thread of its own.

    Args:
        cluster: The cluster.
        namespace: The namespace.
        selector: Which objects are ours, by their labels.
        changed: Called after each look: with the attempt that the watch saw, or with None for all.
        vanished: Called when the watch saw a pod go: only a list proves that nothing is left.
        interval: Seconds between lists.
    """

    def __init__(
        self,
        cluster: Cluster,
        namespace: str,
        selector: str,
        *,
        changed: Callable[["Observer", Key | None], None],
        vanished: Callable[["Observer", Key], None],
        interval: float = INTERVAL,
    ) -> None:
        self.cluster = cluster
        self.namespace = namespace
        self.trouble: InfrastructureError | None = None
        self._selector = selector
        self._changed = changed
        self._vanished = vanished
        self._interval = interval
        self._seen = threading.Condition()
        self._snapshot: Snapshot | None = None
        self._wake = threading.Event()
        self._closing = threading.Event()
        self._thread = threading.Thread(
            target=self._run, name=f"kubernetes-{namespace}", daemon=True
        )

    def start(self) -> None:
        """Begin to look."""
        self._thread.start()

    def close(self) -> None:
        """Look no more."""
        self._closing.set()
        self._wake.set()

    @property
    def snapshot(self) -> Snapshot | None:
        """What was seen last; None before the first list."""
        return self._snapshot

    def look_soon(self) -> None:
        """List again soon: only a list proves that something is not there."""
        self._wake.set()

    def wait_for_list(self, timeout: float) -> Snapshot | None:
        """The first snapshot, or a later one; None when there is none in `timeout` seconds.

        None at once when the cluster cannot be looked at.
        """

        def is_known() -> bool:
            return self._snapshot is not None or self.trouble is not None

        with self._seen:
            self._seen.wait_for(is_known, timeout)
            return self._snapshot

    def _run(self) -> None:
        pause = 0.0
        while not self._closing.wait(pause):
            self._wake.clear()
            try:
                snapshot = self._look()
                took = time.monotonic() - snapshot.began
                soonest = snapshot.began + max(_AGAIN, _SHARE * took)
                self._watch(snapshot, soonest)
                pause = max(0.0, soonest - time.monotonic())
            except HeadraceError as error:
                self._complain(error)
                pause = min(max(pause, _AGAIN) * 2, _PAUSE_LONGEST)
            except Exception:  # the loop's edge  # noqa: BLE001
                _log.exception("namespace %s could not be looked at", self.namespace)
                pause = min(max(pause, _AGAIN) * 2, _PAUSE_LONGEST)

    def _complain(self, error: HeadraceError) -> None:
        is_new = self.trouble is None
        self.trouble = error if isinstance(error, InfrastructureError) else None
        if is_new:
            _log.warning("namespace %s cannot be looked at: %s", self.namespace, error)
        with self._seen:
            self._seen.notify_all()

    # Lists.

    def _look(self) -> Snapshot:
        snapshot = list_all(self.cluster, self.namespace, self._selector)
        if self.trouble is not None:
            _log.warning("namespace %s can be looked at again", self.namespace)
        with self._seen:
            self._snapshot, self.trouble = snapshot, None
            self._seen.notify_all()
        self._changed(self, None)
        return snapshot

    # Watches.

    def _watch(self, snapshot: Snapshot, soonest: float) -> None:
        """Follow the pods until it is time for another list.

        Also while one is wanted soon: what is not watched just before it vanishes has no exit code.

        Args:
            snapshot: What was listed; the watch goes on from it.
            soonest: When the next list may begin, if one is wanted; monotonic seconds.
        """
        latest = time.monotonic() + self._interval
        while not self._closing.is_set():
            due = soonest if self._wake.is_set() else latest
            left = due - time.monotonic()
            if left <= 0 or not self._follow(snapshot, math.ceil(min(left, _WATCH)), soonest):
                return

    def _follow(self, snapshot: Snapshot, seconds: int, soonest: float) -> bool:
        """Read one watch; whether another one may follow without a list between."""
        options = {
            "watch": True,
            "label_selector": self._selector,
            "resource_version": snapshot.version,
            "allow_watch_bookmarks": True,
            "timeout_seconds": seconds,
        }
        with self.cluster.stream(
            "list_namespaced_pod", self.namespace, read_seconds=seconds + _READ_SLACK, **options
        ) as lines:
            for line in lines:
                if not self._note(snapshot, line):
                    return False
                if self._wake.is_set() and time.monotonic() >= soonest:
                    return False
        return True

    def _note(self, snapshot: Snapshot, line: bytes) -> bool:
        """Note one line of a watch; False when a list must follow."""
        event = _watched.decode(line)
        if event.type == "ERROR":
            refused = _status.decode(event.object)
            if refused.code != _EXPIRED:
                _log.info("the watch of namespace %s ended: %s", self.namespace, refused.message)
            return False
        pod = _pod.decode(event.object)
        snapshot.version = pod.metadata.resource_version or snapshot.version
        if event.type == "BOOKMARK":
            return True
        key = attempt_of(pod.metadata.labels)
        if key is None:
            return True
        # One that is deleted comes as it was at its end.
        snapshot.pods.setdefault(key, {})[pod.metadata.uid] = pod
        self._changed(self, key)
        if event.type == "DELETED":
            self._vanished(self, key)
        return True


def list_all(cluster: Cluster, namespace: str, selector: str) -> Snapshot:
    """Everything of ours in a namespace.

    Pods come first: an object that is made while they are listed is then seen at least as a job.

    Raises:
        InfrastructureError: The cluster refuses, or does not answer.
    """
    snapshot = Snapshot(began=time.monotonic())
    for _ in range(_RESTARTS):
        with contextlib.suppress(_PagesGone):
            _fill(snapshot, cluster, namespace, selector)
            return snapshot
        snapshot = Snapshot(began=time.monotonic())
    message = f"the list of namespace {namespace} expires while it is read, {_RESTARTS} times over"
    raise InfrastructureError(message)


class _PagesGone(Exception):  # never leaves this module
    """The rest of a list is not kept any more."""


def _fill(snapshot: Snapshot, cluster: Cluster, namespace: str, selector: str) -> None:
    def pods(**more: object) -> Answer:
        return cluster.core("list_namespaced_pod", namespace, tries=1, **ask, **more)

    def jobs(**more: object) -> Answer:
        return cluster.jobs("list", namespace, tries=1, **ask, **more)

    ask: dict[str, object] = {"label_selector": selector, "limit": _PAGE}

    def list_pods() -> None:
        for page, answer in _pages(pods, _pods):
            snapshot.version = page.metadata.resource_version
            snapshot.skew = answer.skew
            for pod in page.items:
                key = attempt_of(pod.metadata.labels)
                if key is not None:
                    snapshot.pods.setdefault(key, {})[pod.metadata.uid] = pod

    list_pods()
    for found, _ in _pages(jobs, _jobs):
        keyed = ((attempt_of(job.metadata.labels), job) for job in found.items)
        snapshot.jobs |= {key: job for key, job in keyed if key is not None}
    if any(_is_over(job) and key not in snapshot.pods for key, job in snapshot.jobs.items()):
        list_pods()  # it began and ended between the two lists, or its pod was deleted


def _is_over(job: JobView) -> bool:
    return job.condition("Complete", "Failed") is not None


def _pages(
    read: Callable[..., Answer], decoder: msgspec.json.Decoder[_List]
) -> Iterator[tuple[_List, Answer]]:
    options: Mapping[str, str] = {}
    while True:
        answer = read(**options)
        if answer.status == _EXPIRED:
            raise _PagesGone
        if not answer.is_ok:
            message = f"objects cannot be listed: {answer.refusal.message}"
            raise InfrastructureError(message)
        page = decoder.decode(answer.body)
        yield page, answer
        if not page.metadata.continue_:
            return
        options = {"_continue": page.metadata.continue_}
