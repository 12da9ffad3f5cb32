"""What a worker knows of one attempt between two looks at its cluster."""

import threading
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from headrace.infrastructure.contract import Handle, Phase, Status
from headrace.infrastructure.kubernetes.names import KEYLESS
from headrace.infrastructure.kubernetes.observer import Key, Snapshot
from headrace.infrastructure.kubernetes.places import Place
from headrace.infrastructure.kubernetes.verdicts import gone, judge
from headrace.infrastructure.kubernetes.views import PodView

GENTLE: Final = 5.0  # seconds of grace for what should not run at all, and may
# Seconds of grace where none is meant: with 0, the cluster would forget the pod without asking its node
# whether it is dead.
LEAST: Final = 1.0
_NODE_PATIENCE = 20.0  # seconds beyond a grace that a node may take to say that a pod is dead
_NOTICEABLE = 1.0  # seconds that a grace must be shorter than the one before to be asked for again
_STARTING = Status(Phase.STARTING)


@dataclass(slots=True)
class Attempt:
    """One attempt.

    Args:
        handle: What finds it.
        place: Where its job is; None while that is not known.
        asked: When this process last launched it or was first asked of it, monotonic seconds: what a
            list that began earlier does not show may be there all the same.
        was_there: Its job was made, for certain.
        is_own: This process launches it, and has its secret.
        never_began: Its job waits for a secret that nobody makes any more: no pod of it ever was.
        doom: Why we end it.
        stop_at: When what is left of it is ended by force, monotonic seconds.
    """

    handle: Handle
    place: Place | None
    asked: float = field(default_factory=time.monotonic)
    was_there: bool = False
    is_own: bool = False
    never_began: bool = False
    doom: str = ""
    stop_at: float | None = None
    asked_grace: float | None = None  # the least that the cluster was asked to end it with
    is_busy: bool = False  # a request is on its way
    again: float = 0.0  # no further request before this, monotonic seconds
    status: Status = _STARTING
    pod: PodView | None = None  # the newest that was seen
    ended_by_others: float | None = (
        None  # when its pod was seen deleted and dead, monotonic seconds
    )
    secret: dict[str, Any] | None = None  # still to be made
    held: bool = False  # its job is suspended until it has its secret
    lock: threading.RLock = field(default_factory=threading.RLock)

    @property
    def key(self) -> Key:
        """Run and number."""
        return self.handle.run_id, self.handle.epoch

    @property
    def patience(self) -> float | None:
        """Seconds that its pod may take to start; None is for ever."""
        value = self.handle.details.get("patience")
        return float(value) if value else None

    @property
    def owes_secret(self) -> bool:
        """Whether its pod waits for a secret that can be made now."""
        return self.secret is not None and "uid" in self.handle.details and not self.doom

    def due_grace(self, now: float) -> float | None:
        """With what grace the cluster is to be asked for its end now; None where it is not.

        Args:
            now: Monotonic seconds.
        """
        if self.stop_at is None:
            return GENTLE if self.doom and self.asked_grace is None else None
        left = max(LEAST, self.stop_at - now)
        if self.asked_grace is None or self.asked_grace > left + _NOTICEABLE:
            return left
        # Its node does not do what was asked: it is not waited for any more.
        is_late = now >= self.stop_at + _NODE_PATIENCE and self.asked_grace > 0
        return 0.0 if is_late else None

    def made(self, uid: str) -> None:
        """Its job is there, under this unique id."""
        self.was_there = True
        if "uid" not in self.handle.details:
            self.handle = self.handle.extended({"uid": uid})

    def stop(self, due: float) -> None:
        """It is to be over by then, monotonic seconds; an earlier time stays."""
        self.stop_at = due if self.stop_at is None else min(due, self.stop_at)
        self.again = 0.0

    def look(self, snapshot: Snapshot) -> bool:
        """Take in what was seen; whether its status changed. An end is never taken back."""
        with self.lock:
            if self.status.exited:
                return False
            status = self._judge(snapshot)
            if status is None or status == self.status:
                return False
            self.status = status
            return True

    def _judge(self, snapshot: Snapshot) -> Status | None:
        sight = snapshot.of(self.key)
        if sight.job is None and not sight.pods:
            if snapshot.began <= self.asked:
                return None
            stopped = self.stop_at is not None
            began = self.was_there and not self.never_began
            return gone(was_there=began, doom=self.doom, stopped=stopped)
        self.was_there = True
        if sight.job is not None:
            self.made(sight.job.metadata.uid)
            if not self.is_own and KEYLESS in sight.job.metadata.annotations and not sight.pods:
                self.never_began = True
                self.doom = self.doom or "was never started: its worker died before it had its keys"
        self.pod = max(sight.pods, key=_made, default=self.pod)
        now = datetime.now(UTC) + timedelta(seconds=snapshot.skew)
        verdict = judge(sight.job, sight.pods, now, self.patience)
        if verdict.doom and not self.doom and self.stop_at is None:
            self.doom = verdict.doom
        if not verdict.status.exited:
            return verdict.status
        if self.doom:
            return Status(Phase.EXITED, code=verdict.status.code, reason=self.doom, proven=True)
        return None if self._must_ask_why(snapshot) else verdict.status

    def _must_ask_why(self, snapshot: Snapshot) -> bool:
        """Whether its pod was deleted by somebody else, and no list has told yet what is of its job."""
        if self.stop_at is not None or self.pod is None or not self.pod.metadata.deletion_timestamp:
            return False
        if self.ended_by_others is None:
            self.ended_by_others = time.monotonic()
        return snapshot.began <= self.ended_by_others


def _made(pod: PodView) -> float:
    made = pod.metadata.creation_timestamp
    return made.timestamp() if made else 0.0
