"""What is asked of a cluster for one attempt."""

import contextlib
import math
from typing import Any, Final

import msgspec

from headrace.errors import HeadraceError, InfrastructureError
from headrace.infrastructure.contract import Handle
from headrace.infrastructure.kubernetes.cluster import Answer, Cluster
from headrace.infrastructure.kubernetes.manifest import Manifest
from headrace.infrastructure.kubernetes.names import KEYLESS, attempt_of, select_attempt
from headrace.infrastructure.kubernetes.verdicts import describe_events
from headrace.infrastructure.kubernetes.views import EventListView, JobView, PodView

_TAIL_LINES: Final = 20  # what a person reads to see why something ended
_TAIL_BYTES: Final = 16_384  # of them
_EVENTS: Final = 20  # of a pod that are shown
_CONFLICT: Final = 409
_NOT_FOUND: Final = 404

_job = msgspec.json.Decoder(JobView)
_events = msgspec.json.Decoder(EventListView)


def create_job(cluster: Cluster, manifest: Manifest, handle: Handle) -> str:
    """Make the attempt's job, or find it made; its unique id.

    Raises:
        InfrastructureUnavailable: Nobody knows whether it was made.
        InfrastructureError: The cluster does not take it.
    """
    # Strict: a misspelt field in a manifest would otherwise be dropped without a word.
    answer = cluster.jobs("create", manifest.namespace, manifest.job, field_validation="Strict")
    if answer.is_ok:
        return _job.decode(answer.body).metadata.uid
    if answer.status != _CONFLICT:
        message = f"job {manifest.name!r} cannot be made: {answer.refusal.message}"
        raise InfrastructureError(message)
    found = read_job(cluster, manifest.namespace, manifest.name)
    if found is None or attempt_of(found.metadata.labels) != (handle.run_id, handle.epoch):
        message = f"job {manifest.name!r} in namespace {manifest.namespace!r} is not of this run; delete it"
        raise InfrastructureError(message)
    return found.metadata.uid


def read_job(cluster: Cluster, namespace: str, name: str) -> JobView | None:
    """The job of that name; None where there is none.

    Raises:
        InfrastructureError: The cluster does not say.
    """
    answer = cluster.jobs("read", name, namespace, tries=1)
    return _job.decode(answer.body) if answer.is_ok else None


def create_secret(cluster: Cluster, secret: dict[str, Any], job: str, uid: str) -> None:
    """Make the secret of a job; it goes when the job goes.

    Args:
        cluster: The cluster.
        secret: The secret.
        job: The job's name.
        uid: The job's unique id.

    Raises:
        InfrastructureUnavailable: The cluster does not answer now.
        InfrastructureError: The cluster does not take it.
    """
    owner = {"apiVersion": "batch/v1", "kind": "Job", "name": job, "uid": uid}
    body = {**secret, "metadata": {**secret["metadata"], "ownerReferences": [owner]}}
    answer = cluster.core("create_namespaced_secret", secret["metadata"]["namespace"], body)
    if not answer.is_ok and answer.status != _CONFLICT:  # 409: the try before made it
        message = f"the secret of job {job!r} cannot be made: {answer.refusal.message}"
        raise InfrastructureError(message)


def let_begin(cluster: Cluster, namespace: str, job: str, *, held: bool) -> None:
    """Let a job begin that has its secret now; nothing where it is gone.

    Args:
        cluster: The cluster.
        namespace: The job's namespace.
        job: The job's name.
        held: We have suspended it; else somebody else has, and goes on doing so.

    Raises:
        InfrastructureUnavailable: The cluster does not answer now.
        InfrastructureError: The cluster refuses.
    """
    change: dict[str, Any] = {"metadata": {"annotations": {KEYLESS: None}}}
    if held:
        change["spec"] = {"suspend": False}
    answer = cluster.jobs("patch", job, namespace, change)
    if not answer.is_ok and answer.status != _NOT_FOUND:
        message = f"job {job!r} cannot be let begin: {answer.refusal.message}"
        raise InfrastructureError(message)


def end_job(cluster: Cluster, namespace: str, name: str, handle: Handle, grace: float) -> bool:
    """Delete an attempt's pods with some grace, and its job when they are gone; False if it is gone.

    Args:
        cluster: The cluster.
        namespace: The job's namespace.
        name: The job's name.
        handle: The attempt.
        grace: Seconds between SIGTERM and SIGKILL; 0 does not wait for the node to do it.

    Raises:
        InfrastructureError: The cluster does not answer, or refuses.
    """
    seconds = math.ceil(grace)
    # The pods first: a job's own deletion gives them the grace that their specification has.
    _expect(
        cluster.core(
            "delete_collection_namespaced_pod",
            namespace,
            label_selector=select_attempt(handle),
            grace_period_seconds=seconds,
            tries=1,
        )
    )
    return _expect(
        cluster.jobs("delete", name, namespace, propagation_policy="Foreground", tries=1)
    )


def _expect(answer: Answer) -> bool:
    """Whether there was something to end. Raises `InfrastructureError` where it was not ended."""
    if not answer.is_ok and answer.status != _NOT_FOUND:
        message = f"the cluster does not end it ({answer.status}): {answer.refusal.message}"
        raise InfrastructureError(message)
    return answer.is_ok


def read_tail(cluster: Cluster, pod: PodView) -> list[str]:
    """The last lines that a pod's main container printed; none where they cannot be had."""
    with contextlib.suppress(HeadraceError):
        answer = cluster.core(
            "read_namespaced_pod_log",
            pod.metadata.name,
            pod.metadata.namespace,
            container=pod.main.name,
            tail_lines=_TAIL_LINES,
            limit_bytes=_TAIL_BYTES,
            tries=1,
        )
        if answer.is_ok:
            return answer.body.decode("utf-8", "replace").splitlines()
    return []


def read_events(cluster: Cluster, namespace: str, uid: str) -> list[str]:
    """What the cluster noted about an object, a line each; none where it cannot be had."""
    with contextlib.suppress(HeadraceError):
        answer = cluster.core(
            "list_namespaced_event",
            namespace,
            field_selector=f"involvedObject.uid={uid}",
            limit=_EVENTS,
            tries=1,
        )
        if answer.is_ok:
            return describe_events(_events.decode(answer.body).items)
    return []
