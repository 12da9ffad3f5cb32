"""What a job and its pods say of an attempt: pure rules over what was seen.

Reasons continue the sentence "The run's process …".
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from headrace.infrastructure.contract import Phase, Status
from headrace.infrastructure.exits import describe_exit
from headrace.infrastructure.kubernetes.views import (
    ConditionView,
    ContainerView,
    EventView,
    JobView,
    PodView,
    TerminatedView,
    WaitingView,
)

_SIGNALS = 64
_SIGNALLED = 128  # a container's exit code above it is this plus the signal's number

# Reasons for which a container waits and that waiting does not change.
_HOPELESS: Final = frozenset({"InvalidImageName", "ErrImageNeverPull"})
_PULLING: Final = frozenset({"ErrImagePull", "ImagePullBackOff", "RegistryUnavailable"})
_ORDINARY: Final = frozenset({"", "ContainerCreating", "PodInitializing"})
# What the cluster calls it when a node does not answer any more.
_NODE_GONE: Final = frozenset({"NodeLost", "DeletionByTaintManager", "DeletionByPodGC"})
_EVICTING: Final = frozenset({"EvictionByEvictionAPI", "PreemptionByScheduler"})


@dataclass(frozen=True, slots=True)
class Verdict:
    """How an attempt is, and whether its job is to be ended.

    Args:
        status: What is known.
        doom: Why it will never start; its job is to be deleted. Continues "The run's process …".
    """

    status: Status
    doom: str = ""


def judge(
    job: JobView | None, pods: Sequence[PodView], now: datetime, patience: float | None
) -> Verdict:
    """How an attempt is, by its job and its pods.

    Args:
        job: The job, if it is there.
        pods: Its pods.
        now: By the cluster's clock.
        patience: Seconds that a pod may take to start; None is for ever.

    Raises:
        ValueError: There is neither job nor pod; what that means depends on what was before.
    """
    if job is None and not pods:
        message = "nothing to judge"
        raise ValueError(message)
    failed = job.condition("Failed", "FailureTarget") if job else None
    if failed is not None and failed.reason == "DeadlineExceeded":
        return _out_of_time(failed, pods)
    pod = max(pods, key=_age, default=None)
    if pod is not None:
        verdict = _of_pod(pod, now, patience)
        if verdict.status.exited and pod.metadata.deletion_timestamp is not None:
            return _of_deleted(verdict.status, job)
        if not verdict.status.exited or not _tries_again(job):
            return verdict
        return Verdict(
            Status(Phase.STARTING, reason=f"{verdict.status.reason}; its job tries again")
        )
    assert job is not None
    return _of_job(job, failed, now, patience)


def _of_deleted(status: Status, job: JobView | None) -> Verdict:
    is_gone = job is None or job.metadata.deletion_timestamp is not None
    what = "job" if is_gone else "pod"
    return Verdict(replace(status, reason=f"{status.reason}: its {what} was deleted"))


def gone(*, was_there: bool, doom: str, stopped: bool) -> Status:
    """How an attempt is of which nothing is left in the cluster.

    Args:
        was_there: Its job was seen, or is known to have been made, and may have had a pod.
        doom: Why the job was ended by us.
        stopped: Somebody asked for its end.
    """
    if doom:
        reason = doom
    elif stopped:
        reason = "was stopped"
    elif was_there:
        reason = "is gone: its job was deleted from the cluster by somebody else"
    else:
        reason = "was never started: the cluster has no job for it"
    never = not was_there
    return Status(Phase.EXITED, reason=reason, proven=True, never_ran=never)


def describe_events(events: Sequence[EventView]) -> list[str]:
    """What the cluster noted, a line each, oldest first."""
    ordered = sorted(events, key=_when)
    return [
        f"{event.type or 'Event'} {event.reason}"
        f"{f' (x{event.count})' if event.count and event.count > 1 else ''}: {event.message}"
        for event in ordered
    ]


def _when(event: EventView) -> float:
    moment = event.last_timestamp or event.event_time or event.metadata.creation_timestamp
    return moment.timestamp() if moment else 0.0


def _age(pod: PodView) -> float:
    made = pod.metadata.creation_timestamp
    return made.timestamp() if made else 0.0


def _tries_again(job: JobView | None) -> bool:
    """Whether the cluster itself makes another pod: only where a manifest asks for that."""
    if job is None or job.metadata.deletion_timestamp is not None:
        return False
    if job.condition("Failed", "FailureTarget", "Complete", "SuccessCriteriaMet"):
        return False
    return job.spec.backoff_limit > 0 and job.status.failed <= job.spec.backoff_limit


def _of_job(
    job: JobView, failed: ConditionView | None, now: datetime, patience: float | None
) -> Verdict:
    if job.condition("Complete"):
        return Verdict(Status(Phase.EXITED, code=0, reason=describe_exit(0), proven=True))
    if failed is not None and failed.type == "Failed":
        said = f"{failed.reason}: {failed.message}".strip(": ")
        reason = f"ended, and its pod is gone; the job says {said}"
        return Verdict(Status(Phase.EXITED, reason=reason, proven=True))
    reason = "has no pod yet"
    if _waited(job.metadata.creation_timestamp, now, patience):
        why = f"did not start within {patience:g} s: the cluster made no pod for its job"
        return Verdict(Status(Phase.STARTING, reason=reason), doom=why)
    return Verdict(Status(Phase.STARTING, reason=reason))


def _out_of_time(failed: ConditionView, pods: Sequence[PodView]) -> Verdict:
    reason = "was ended: it ran longer than its job may (job_watch_timeout_seconds)"
    over = failed.type == "Failed" and all(pod.is_over for pod in pods)
    phase = Phase.EXITED if over else Phase.RUNNING
    return Verdict(Status(phase, reason=reason, proven=over))


def _of_pod(pod: PodView, now: datetime, patience: float | None) -> Verdict:
    state, phase = pod.main_state, pod.status.phase
    outer = _of_fate(pod)
    if state.terminated is not None and not outer:
        code = _code(state.terminated)
        reason = _describe_end(state.terminated, pod.main)
        # The container is dead, whatever other containers of its pod do.
        return Verdict(Status(Phase.EXITED, code=code, reason=reason, proven=True))
    if pod.is_over:
        code = _code(state.terminated) if state.terminated else None
        if phase == "Succeeded":
            code = 0
        reason = outer or _describe_failure(pod)
        return Verdict(Status(Phase.EXITED, code=code, reason=reason, proven=True))
    if phase == "Unknown" or state.running is not None:
        return Verdict(Status(Phase.RUNNING, reason=outer))
    return _of_waiting(pod, now, patience)


def _code(ended: TerminatedView) -> int:
    """The exit code; a signal's number is negative."""
    number = ended.exit_code
    is_signal = _SIGNALLED < number <= _SIGNALLED + _SIGNALS
    return _SIGNALLED - number if is_signal else number


def _of_waiting(pod: PodView, now: datetime, patience: float | None) -> Verdict:
    why, is_hopeless = _why_waiting(pod)
    status = Status(Phase.STARTING, reason=why)
    if pod.metadata.deletion_timestamp is not None:
        return Verdict(status)
    if is_hopeless:
        return Verdict(status, doom=f"could not start: {why}")
    if _waited(pod.metadata.creation_timestamp, now, patience):
        return Verdict(status, doom=f"did not start within {patience:g} s: {why}")
    return Verdict(status)


def _why_waiting(pod: PodView) -> tuple[str, bool]:
    """Why a pod does not run yet, and whether that can change."""
    scheduled = pod.condition("PodScheduled")
    if scheduled is not None and not scheduled.holds and scheduled.reason == "Unschedulable":
        return f"no node takes its pod (Unschedulable: {scheduled.message})", False
    for status in (*pod.status.init_container_statuses, *pod.status.container_statuses):
        waiting = status.state.waiting
        if waiting is not None and waiting.reason not in _ORDINARY:
            return _describe_waiting(waiting, status.image), waiting.reason in _HOPELESS
    if not pod.spec.node_name:
        return "its pod waits for a node", False
    return f"its containers are being made on node {pod.spec.node_name}", False


def _describe_waiting(waiting: WaitingView, image: str) -> str:
    said = f"{waiting.reason}: {waiting.message}".strip(": ")
    if waiting.reason in _PULLING | _HOPELESS:
        return f"its image {image!r} cannot be had ({said})"
    if waiting.reason == "CreateContainerConfigError":
        return f"its container's configuration cannot be used ({said})"
    if waiting.reason == "CrashLoopBackOff":
        return f"a container of its pod ends again and again ({said})"
    return f"its container cannot be made ({said})"


def _of_fate(pod: PodView) -> str:
    """What befell the pod from outside; empty when nothing did."""
    disrupted = pod.condition("DisruptionTarget")
    cause = disrupted.reason if disrupted and disrupted.holds else ""
    node = pod.spec.node_name or "unknown"
    said = pod.status.message or (disrupted.message if disrupted else "")
    tail = f": {said.strip()}" if said.strip() else ""
    if pod.status.reason in _NODE_GONE or cause in _NODE_GONE or pod.status.phase == "Unknown":
        return f"was lost with its node {node}{tail}"
    if pod.status.reason in {"Evicted", "Preempting"} or cause in _EVICTING:
        return f"was evicted from node {node}{tail}"
    if pod.status.reason in {"Shutdown", "Terminated", "NodeShutdown"} or (
        cause == "TerminationByKubelet"
    ):
        return f"was ended by its node {node}, which shut down or ran short{tail}"
    return ""


def _describe_end(ended: TerminatedView, container: ContainerView) -> str:
    code = ended.exit_code
    if ended.reason == "OOMKilled":
        limit = container.resources.limits.get("memory")
        allowed = f"it may use {limit}; raise memory_limit" if limit else "its node had none left"
        return f"was killed for want of memory (OOMKilled, exit code {code}): {allowed}"
    if ended.reason in {"StartError", "ContainerCannotRun"}:
        return (
            f"could not start: its command cannot be run ({ended.reason}: {ended.message.strip()})"
        )
    said = ended.message.strip()
    return f"{describe_exit(_code(ended))}: {said}" if said else describe_exit(_code(ended))


def _describe_failure(pod: PodView) -> str:
    for status in pod.status.init_container_statuses:
        ended = status.state.terminated
        if ended is not None and ended.exit_code:
            return f"never began: its init container {status.name!r} exited with {ended.exit_code}"
    if pod.status.phase == "Succeeded":
        return describe_exit(0)
    said = f"{pod.status.reason}: {pod.status.message}".strip(": ")
    return f"ended with its pod ({said or 'which says no more than Failed'})"


def _waited(since: datetime | None, now: datetime, patience: float | None) -> bool:
    return patience is not None and since is not None and (now - since).total_seconds() > patience
