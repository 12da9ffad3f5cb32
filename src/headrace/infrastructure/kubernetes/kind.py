"""The kubernetes kind: every attempt is a Job whose pod never starts again."""

import math
import threading
import time
from collections.abc import Mapping
from typing import Any, Final, cast

from headrace.core.sdks import Sdk
from headrace.errors import InfrastructureError, InfrastructureUnavailable
from headrace.infrastructure.containers import COMMANDS
from headrace.infrastructure.contract import NAME, Handle, Job, Notify, Phase, Status, Write
from headrace.infrastructure.kinds import KindContext
from headrace.infrastructure.kubernetes.attempts import GENTLE, Attempt
from headrace.infrastructure.kubernetes.cluster import Cluster
from headrace.infrastructure.kubernetes.connection import Access
from headrace.infrastructure.kubernetes.ender import Ender
from headrace.infrastructure.kubernetes.field import Field
from headrace.infrastructure.kubernetes.manifest import Manifest, build_manifest
from headrace.infrastructure.kubernetes.names import SDK, Marks
from headrace.infrastructure.kubernetes.observer import INTERVAL, Key, Observer, Sight
from headrace.infrastructure.kubernetes.places import Place
from headrace.infrastructure.kubernetes.requests import (
    create_job,
    read_events,
    read_job,
    read_tail,
)
from headrace.infrastructure.kubernetes.streams import Streams

KIND: Final = "kubernetes"

_FIRST_LOOK = 10.0  # seconds that a first question about an attempt waits for the first list
_DEFAULT_PATIENCE = 60  # seconds that a pod may take to start, as the contract has it


class KubernetesInfrastructure:
    """Launches, watches and ends jobs of Kubernetes clusters.

    Args:
        context: For whom.
        interval: Seconds between lists of a namespace.
    """

    kind = KIND

    def __init__(self, context: KindContext, interval: float = INTERVAL) -> None:
        self._marks = Marks.of(context)
        self._attempts: dict[Key, Attempt] = {}
        self._lock = threading.RLock()
        self._callbacks: list[Notify] = []
        self._streams = Streams()
        self._field = Field(
            context.directory, self._marks.selector, self._seen, self._vanished, interval
        )
        self._ender = Ender(self._field)

    def notify(self, callback: Notify) -> None:
        """Also tell `callback` when an attempt starts or ends."""
        self._callbacks.append(callback)

    def launch(self, job: Job) -> Handle:
        """Make the attempt's job. Once it is made, the rest is looked after.

        Raises:
            InfrastructureUnavailable: The cluster does not answer; nothing was made.
            InfrastructureError: The configuration cannot be used, or the cluster refuses it.
        """
        manifest = build_manifest(job, COMMANDS[job.sdk], self._marks)
        access = access_of(job.configuration.get("cluster_config"))
        place = self._field.enter(access, manifest.namespace)
        cluster = self._field.cluster(place)
        details = _details(place, manifest.name, job.configuration)
        handle = job.handle(KIND, details)
        if not job.is_wanted():
            message = "it is not wanted any more"
            raise InfrastructureError(message)
        # Known before it is made: the watch may see its pod before the API has answered.
        attempt = Attempt(
            handle,
            place,
            asked=math.inf,
            is_own=True,
            secret=manifest.secret,
            held=manifest.held,
        )
        with self._lock:
            known = self._attempts.setdefault(attempt.key, attempt)
        if known is not attempt:
            return known.handle
        self._field.observe(place)
        try:
            uid = _make(cluster, manifest, handle)
        except InfrastructureError:
            self.release(handle)
            raise
        attempt.asked = time.monotonic()
        if uid:
            attempt.made(uid)
            self._ender.hand_over(attempt)
        return attempt.handle

    def adopt(self, handle: Handle, slot: int) -> tuple[Handle, Status] | None:  # noqa: ARG002  # handles say it all
        """Take over an attempt; None where its job was never made, for certain."""
        attempt = self._know(handle)
        status = self._look(attempt, _FIRST_LOOK)
        if status.exited and status.never_ran:
            self.release(handle)
            return None
        return attempt.handle, status

    def poll(self, handle: Handle) -> Status:
        """How the attempt is, as it was seen last."""
        return self._look(self._know(handle), _FIRST_LOOK)

    def stop(self, handle: Handle, grace: float) -> None:
        """SIGTERM to its pod; SIGKILL after `grace` seconds, and then the node is not waited for."""
        attempt = self._know(handle)
        attempt.stop(time.monotonic() + grace)
        self._ender.pursue(attempt)

    def logs(self, handle: Handle) -> list[str]:
        """The last lines of the attempt's output, then what the cluster noted about its pod."""
        with self._lock:
            attempt = self._attempts.get((handle.run_id, handle.epoch))
        if attempt is None or attempt.place is None:
            return []
        try:
            cluster = self._field.cluster(attempt.place)
        except InfrastructureError:
            return []
        lines = self._streams.tail(attempt.key)
        if not lines and attempt.pod is not None and attempt.pod.has_begun:
            lines = read_tail(cluster, attempt.pod)
        if attempt.status.exited and attempt.status.code == 0:
            return lines
        uid = (
            attempt.pod.metadata.uid if attempt.pod else str(attempt.handle.details.get("uid", ""))
        )
        return lines + (read_events(cluster, attempt.place.namespace, uid) if uid else [])

    def show(self, handle: Handle, write: Write, *, is_over: bool) -> None:
        """Write what the attempt printed since.

        Raises:
            OSError: `write` did.
        """
        with self._lock:
            attempt = self._attempts.get((handle.run_id, handle.epoch))
        if attempt is None or attempt.place is None or attempt.pod is None:
            return
        cluster = self._field.cluster(attempt.place)
        self._streams.show(attempt.key, cluster, attempt.pod, write, is_over=is_over)

    def release(self, handle: Handle) -> None:
        """Forget an attempt that is over; its finished job stays as long as its manifest says."""
        with self._lock:
            attempt = self._attempts.pop((handle.run_id, handle.epoch), None)
        self._streams.drop((handle.run_id, handle.epoch))
        if attempt is not None and attempt.pod is not None and not attempt.pod.is_over:
            # The run is over, and other containers of its pod are not.
            self._ender.end(attempt, GENTLE)

    def attempts(self) -> list[tuple[Handle, Status]]:
        """All attempts of this worker that are not over, and those that were and are not forgotten.

        Raises:
            InfrastructureUnavailable: A namespace has not been seen yet.
        """
        found: list[tuple[Handle, Status]] = []
        for place, observer in self._field.observe_all():
            snapshot = observer.wait_for_list(_FIRST_LOOK)
            if snapshot is None:
                message = f"namespace {place.namespace} was not seen yet"
                raise InfrastructureUnavailable(message)
            for key in snapshot.keys:
                sight = snapshot.of(key)
                if not _is_over(sight):
                    found.append((_found(key, place, sight), Status(Phase.RUNNING)))
        with self._lock:
            over = [a for a in self._attempts.values() if a.status.exited]
        return found + [(a.handle, a.status) for a in over]

    def close(self) -> None:
        """Launch and look no more. What runs goes on."""
        self._field.close()
        self._streams.close()
        self._ender.close()

    # What observers tell.

    def _seen(self, observer: Observer, key: Key | None) -> None:
        snapshot = observer.snapshot
        if snapshot is None:
            return
        with self._lock:
            mine = list(self._attempts.values()) if key is None else [self._attempts.get(key)]
            here = [a for a in mine if a is not None and self._is_at(a, observer)]
            changed = [a for a in here if a.look(snapshot)]
        for attempt in changed:
            for callback in self._callbacks:
                callback(attempt.handle, attempt.status)
        for attempt in here:
            self._ender.pursue(attempt)
            if attempt.ended_by_others is not None and not attempt.status.exited:
                observer.look_soon()

    def _vanished(self, observer: Observer, key: Key) -> None:
        with self._lock:
            attempt = self._attempts.get(key)
        if attempt is not None and not attempt.status.exited:
            observer.look_soon()

    def _is_at(self, attempt: Attempt, observer: Observer) -> bool:
        return attempt.place is not None and self._field.observe(attempt.place) is observer

    # Attempts.

    def _know(self, handle: Handle) -> Attempt:
        key = (handle.run_id, handle.epoch)
        with self._lock:
            found = self._attempts.get(key)
            if found is None:
                found = Attempt(handle, _place_of(handle), was_there="uid" in handle.details)
                # What an earlier process launched is in any list that this one reads.
                found.asked = 0.0
                self._attempts[key] = found
            return found

    def _look(self, attempt: Attempt, patience: float) -> Status:
        if attempt.place is None and not self._find(attempt, patience):
            return attempt.status
        assert attempt.place is not None
        observer = self._field.observe(attempt.place)
        snapshot = observer.wait_for_list(patience)
        if snapshot is not None:
            with self._lock:
                attempt.look(snapshot)
        self._ender.pursue(attempt)
        return attempt.status

    def _find(self, attempt: Attempt, patience: float) -> bool:
        """Find the place of an attempt of which only run and number are known; whether it is known."""
        end = time.monotonic() + patience
        everywhere = True
        for place, observer in self._field.observe_all():
            snapshot = observer.wait_for_list(max(0.0, end - time.monotonic()))
            if snapshot is None:
                everywhere = False
            elif attempt.key in snapshot.keys:
                fuller = _found(attempt.key, place, snapshot.of(attempt.key))
                attempt.handle = attempt.handle.extended(fuller.details)
                attempt.place = place
                return True
        if everywhere:
            reason = "was never started: the cluster has no job for it"
            attempt.status = Status(Phase.EXITED, reason=reason, proven=True, never_ran=True)
        return False


def make_kubernetes(context: KindContext) -> KubernetesInfrastructure:
    """Jobs of Kubernetes clusters, for a worker."""
    return KubernetesInfrastructure(context)


def access_of(value: object) -> Access:
    """How a job's cluster is reached.

    Args:
        value: A cluster-config block's content, or nothing.

    Raises:
        InfrastructureError: It is neither.
    """
    if not value:
        return Access()
    block: Mapping[str, object] = (
        cast("Mapping[str, object]", value) if isinstance(value, Mapping) else {}
    )
    config, context = block.get("config"), block.get("context_name")
    if not isinstance(config, Mapping) or not config:
        message = (
            "the job's 'cluster_config' is not a kubeconfig; refer to a block: "
            "{{ prefect.blocks.kubernetes-cluster-config.NAME }}"
        )
        raise InfrastructureError(message)
    return Access(cast("Mapping[str, Any]", config), str(context) if context else None)


def _details(place: Place, name: str, configuration: Mapping[str, object]) -> dict[str, str | int]:
    patience = configuration.get("pod_watch_timeout_seconds", _DEFAULT_PATIENCE)
    details: dict[str, str | int] = {NAME: name, "namespace": place.namespace}
    if place.cluster:
        details["cluster"] = place.cluster
    if isinstance(patience, int | float) and patience > 0:
        details["patience"] = round(patience)
    return details


def _place_of(handle: Handle) -> Place | None:
    namespace = handle.details.get("namespace")
    if not namespace:
        return None
    return Place(str(handle.details.get("cluster", "")), str(namespace))


def _found(key: Key, place: Place, sight: Sight) -> Handle:
    """The handle of an attempt that was found in a cluster."""
    metadata = sight.job.metadata if sight.job else sight.pods[0].metadata
    # A pod whose job is gone tells its name.
    name = metadata.name if sight.job else metadata.labels.get("job-name", metadata.name)
    details = _details(place, name, {})
    if sight.job is not None:
        details["uid"] = metadata.uid
    sdk = Sdk.PREFECT if metadata.labels.get(SDK) == Sdk.PREFECT else Sdk.HEADRACE
    return Handle(kind=KIND, run_id=key[0], epoch=key[1], sdk=sdk, details=details)


def _is_over(sight: Sight) -> bool:
    if sight.pods:
        return all(pod.is_over for pod in sight.pods)
    return sight.job is None or sight.job.condition("Complete", "Failed") is not None


def _make(cluster: Cluster, manifest: Manifest, handle: Handle) -> str:
    """Make a job; its unique id, which is empty while nobody can say whether it was made.

    Raises:
        InfrastructureUnavailable: It was not made.
        InfrastructureError: It will not be.
    """
    try:
        return create_job(cluster, manifest, handle)
    except InfrastructureUnavailable as error:
        try:
            found = read_job(cluster, manifest.namespace, manifest.name)
        except InfrastructureUnavailable:
            return ""
        if found is None:
            raise error from None
        return found.metadata.uid
