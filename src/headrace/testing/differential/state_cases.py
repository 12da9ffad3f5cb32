"""Which proposals of states are compared: every pair of states, with what may change the answer.

Times are given in minutes from now, so that an answer's times can be told apart again by rounding.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal

Kind = Literal["flow-run", "task-run"]

HOUR: Final = 60  # minutes: a scheduled time that is far enough to be told from now
DELAY_SECONDS: Final = 600  # of a retry: ten minutes are neither now nor an hour
LONG_AGO: Final = -5 * 24 * HOUR  # minutes

KNOWN_KEY: Final = "known"
"""A cache key under which a finished task run is kept before the cases begin."""
EXPIRED_KEY: Final = "expired"
"""The same, but what is kept there has expired."""
TRANSITION: Final = "11111111-1111-4111-8111-111111111111"


@dataclass(frozen=True, slots=True)
class Proposal:
    """A state as it is proposed.

    Args:
        label: Names it in a report.
        type: The state's type.
        name: Its name, where it is not the type's own.
        details: `state_details`; a value of `Minutes` becomes a time.
        data: What the state carries.
    """

    label: str
    type: str
    name: str | None = None
    details: Mapping[str, Any] = field(default_factory=dict[str, Any])
    data: Any = None


@dataclass(frozen=True, slots=True)
class Minutes:
    """A moment, in minutes from the moment of the request."""

    ahead: float


@dataclass(frozen=True, slots=True)
class Setting:
    """What surrounds a run.

    Args:
        label: Names it in a report.
        policy: `empirical_policy` of the run.
        has_deployment: Of a flow run: whether it is one of a deployment.
        enclosing: Of a task run: its flow run's state type; None for a task run by itself.
    """

    label: str
    policy: Mapping[str, Any] = field(default_factory=dict[str, Any])
    has_deployment: bool = False
    enclosing: str | None = "RUNNING"


@dataclass(frozen=True, slots=True)
class Case:
    """One run, forced into a state, for which another is proposed."""

    kind: Kind
    setting: Setting
    initial: Proposal
    proposed: Proposal
    force: bool = False

    @property
    def row(self) -> str:
        """Names everything but the proposed state."""
        forced = " forced" if self.force else ""
        return f"{self.kind} | {self.setting.label} | {self.initial.label}{forced}"


def _paused(label: str, name: str | None = None, **details: Any) -> Proposal:
    return Proposal(label, "PAUSED", name, {"pause_key": "1", **details})


_PERSISTED: Final = {"type": "reference", "storage_key": "k", "serializer": {"type": "pickle"}}
_LOST: Final = {"type": "unpersisted"}
_SAME: Final = {"transition_id": TRANSITION}

_EITHER: Final = (
    Proposal("Scheduled past", "SCHEDULED", details={"scheduled_time": Minutes(-HOUR)}),
    Proposal("Scheduled future", "SCHEDULED", details={"scheduled_time": Minutes(HOUR)}),
    Proposal(
        "AwaitingRetry past", "SCHEDULED", "AwaitingRetry", {"scheduled_time": Minutes(-HOUR)}
    ),
    Proposal(
        "AwaitingRetry future", "SCHEDULED", "AwaitingRetry", {"scheduled_time": Minutes(HOUR)}
    ),
    Proposal("Late", "SCHEDULED", "Late", {"scheduled_time": Minutes(-HOUR)}),
    Proposal("Pending", "PENDING"),
    Proposal("Pending same transition", "PENDING", details=_SAME),
    Proposal("Submitting", "PENDING", "Submitting"),
    Proposal("Running", "RUNNING"),
    Proposal("Running same transition", "RUNNING", details=_SAME),
    _paused("Paused"),
    _paused("Paused until later", pause_timeout=Minutes(HOUR)),
    _paused("Paused until earlier", pause_timeout=Minutes(-HOUR)),
    _paused("Suspended", "Suspended", pause_reschedule=True, pause_timeout=Minutes(HOUR)),
    Proposal("Cancelling", "CANCELLING"),
    Proposal("Completed", "COMPLETED"),
    Proposal("Completed persisted", "COMPLETED", data=_PERSISTED),
    Proposal("Completed unpersisted", "COMPLETED", data=_LOST),
    Proposal("Failed", "FAILED"),
    Proposal("Failed for good", "FAILED", details={"retriable": False}),
    Proposal("Crashed", "CRASHED"),
    Proposal("Cancelled", "CANCELLED"),
)
"""What a run is forced into, and what is proposed for it."""

_ALSO_PROPOSED: Final[Mapping[Kind, tuple[Proposal, ...]]] = {
    "flow-run": (
        Proposal("Scheduled", "SCHEDULED"),
        Proposal("Resuming", "SCHEDULED", "Resuming", {"scheduled_time": Minutes(0)}),
        Proposal("Retrying", "RUNNING", "Retrying"),
        Proposal("Paused other key", "PAUSED", details={"pause_key": "2"}),
        Proposal("Paused without key", "PAUSED"),
        Proposal("TimedOut", "FAILED", "TimedOut"),
    ),
    "task-run": (
        Proposal("Scheduled", "SCHEDULED"),
        Proposal("Retrying", "RUNNING", "Retrying"),
        Proposal("Running known key", "RUNNING", details={"cache_key": KNOWN_KEY}),
        Proposal("Running expired key", "RUNNING", details={"cache_key": EXPIRED_KEY}),
        Proposal("Running unknown key", "RUNNING", details={"cache_key": "unknown"}),
        Proposal(
            "Running refreshed key",
            "RUNNING",
            details={"cache_key": KNOWN_KEY, "refresh_cache": True},
        ),
        Proposal("Completed under key", "COMPLETED", details={"cache_key": "own"}),
    ),
}

_FLOW_POLICIES: Final[Mapping[str, Mapping[str, Any]]] = {
    "no policy": {},
    "retries": {"retries": 2},
    "retries with delay": {"retries": 2, "retry_delay": DELAY_SECONDS},
    "no retries": {"retries": 0, "retry_delay": DELAY_SECONDS},
    "older names": {"max_retries": 1, "retry_delay_seconds": DELAY_SECONDS},
    "paused before": {"pause_keys": ["1"]},
    "paused twice before": {"pause_keys": ["1", "2"], "retries": 1},
    "resuming": {"resuming": True, "retries": 1},
    "retrying in process": {"retry_type": "in_process", "retries": 1},
    "rescheduled": {"retry_type": "reschedule", "retries": 1},
}
_TASK_POLICIES: Final[Mapping[str, Mapping[str, Any]]] = {
    "no policy": {},
    "retries": {"retries": 2},
    "retries with delay": {"retries": 2, "retry_delay": DELAY_SECONDS},
    "retries with delays": {"retries": 3, "retry_delay": [DELAY_SECONDS, 1]},
    "no delays": {"retries": 1, "retry_delay": []},
    "no retries": {"retries": 0, "retry_delay": DELAY_SECONDS},
    "older names": {"max_retries": 1, "retry_delay_seconds": DELAY_SECONDS},
    "jitter": {"retries": 1, "retry_delay": DELAY_SECONDS, "retry_jitter_factor": 0.01},
}
_ENCLOSING: Final = ("PENDING", "PAUSED", "CANCELLING", "COMPLETED", "FAILED", None)


def settings(kind: Kind) -> Iterator[Setting]:
    """All surroundings of a kind of run."""
    if kind == "flow-run":
        for label, policy in _FLOW_POLICIES.items():
            yield Setting(label, policy)
            yield Setting(f"{label}, deployment", policy, has_deployment=True)
        return
    for label, policy in _TASK_POLICIES.items():
        yield Setting(label, policy)
    for state in _ENCLOSING:
        yield Setting(f"in {state}", enclosing=state)


def all_cases() -> Iterator[Case]:
    """Every case, in a fixed order: those of one row follow each other.

    Runs without a policy go through all pairs, others through those in which it could matter.
    """
    for kind in ("flow-run", "task-run"):
        for setting in settings(kind):
            is_plain = not setting.policy and setting.enclosing == "RUNNING"
            for initial in _EITHER:
                for proposed in proposals(kind):
                    if is_plain or _may_matter(initial, proposed):
                        yield Case(kind, setting, initial, proposed)
        for initial in _EITHER:
            for proposed in proposals(kind):
                yield Case(kind, Setting("no policy"), initial, proposed, force=True)


def _may_matter(initial: Proposal, proposed: Proposal) -> bool:
    return initial.label in _TELLING and proposed.label not in _LIKE_OTHERS


_TELLING: Final = frozenset(
    {
        "Scheduled past",
        "AwaitingRetry past",
        "Pending",
        "Running",
        "Paused until earlier",
        "Suspended",
        "Cancelling",
        "Completed unpersisted",
        "Completed persisted",
        "Failed",
        "Crashed",
        "Cancelled",
    }
)
"""States from which a policy or the enclosing run could make a difference."""
_LIKE_OTHERS: Final = frozenset(
    {
        "Scheduled past",
        "AwaitingRetry future",
        "Late",
        "Pending same transition",
        "Running same transition",
        "Submitting",
        "Paused until later",
        "Paused until earlier",
        "Completed persisted",
        "Completed unpersisted",
    }
)
"""Proposals that a policy treats as it treats another of the same type."""


def proposals(kind: Kind) -> tuple[Proposal, ...]:
    """What is proposed for a kind of run, in order."""
    return (*_EITHER, *_ALSO_PROPOSED[kind])
