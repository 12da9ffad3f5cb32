"""What an attempt's objects are called and marked with: functions of run and attempt, nothing else."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Final

from headrace.infrastructure.contract import Handle, Job
from headrace.infrastructure.kinds import KindContext

RUN: Final = "headrace.flow-run-id"
ATTEMPT: Final = "headrace.attempt"
OWNER: Final = "headrace.owner"
WORKER: Final = "headrace.worker"
POOL: Final = "headrace.work-pool"
RUN_NAME: Final = "headrace.flow-run-name"
SDK: Final = "headrace.sdk"
KEYLESS: Final = "headrace.waits-for-keys"
"""An annotation of a job whose secret may not be made yet; until it goes, its pod is not to begin."""

_LONGEST_LABEL = 63  # characters of a label's name or value, as the API has it
_LONGEST_PREFIX = 253  # characters of the domain before a label's name
_LONGEST_NAME = 63  # a job's name becomes a label's value of its pods
_UNIQUE = 24  # hexadecimal digits of an owner's hash: 96 bits
_NOT_NAME = re.compile(r"[^a-z0-9]+")
_NOT_LABEL = re.compile(r"[^A-Za-z0-9_.-]+")
_EDGES = "-_."


def job_name(job: Job) -> str:
    """The name of the attempt's job: always the same for the same run and attempt.

    That is what makes launching twice harmless: the API refuses the second.
    """
    tail = f"{job.run_id}-{job.epoch}"
    head = _NOT_NAME.sub("-", job.name.lower()).strip("-")
    if head and not head[0].isalpha():
        head = f"r-{head}"  # a service's name must begin with a letter; so may other tools ask
    head = head[: _LONGEST_NAME - len(tail) - 1].strip("-") or "run"
    return f"{head}-{tail}"


def secret_name(job: str) -> str:
    """The name of the secret that belongs to the job of that name."""
    return f"{job}.key"  # a secret's name may have dots and 253 characters


@dataclass(frozen=True, slots=True)
class Marks:
    """The labels by which a worker's objects are found.

    Args:
        owner: A label's value that no other worker has, the same after a restart.
        worker: The worker's name, for people.
        pool: Its pool, for people.
    """

    owner: str
    worker: str
    pool: str

    @classmethod
    def of(cls, context: KindContext) -> "Marks":
        """The marks of a worker."""
        owner = sha256(context.owner.encode()).hexdigest()[:_UNIQUE]
        return cls(owner, label_value(context.worker), label_value(context.pool or ""))

    def labels(self, job: Job) -> dict[str, str]:
        """What an attempt's objects are marked with."""
        return {
            RUN: job.run_id,
            ATTEMPT: str(job.epoch),
            OWNER: self.owner,
            WORKER: self.worker,
            POOL: self.pool,
            RUN_NAME: label_value(job.name),
            SDK: job.sdk.value,
        }

    @property
    def selector(self) -> str:
        """What selects all objects of the worker."""
        return f"{OWNER}={self.owner},{RUN}"


def select_attempt(handle: Handle) -> str:
    """What selects the objects of one attempt."""
    return f"{RUN}={handle.run_id},{ATTEMPT}={handle.epoch}"


def attempt_of(labels: Mapping[str, str]) -> tuple[str, int] | None:
    """The run and the number of its attempt that an object belongs to."""
    run, attempt = labels.get(RUN), labels.get(ATTEMPT, "")
    return (run, int(attempt)) if run and attempt.isdigit() else None


def label_value(text: str) -> str:
    """The text with what a label's value may not have replaced."""
    return _NOT_LABEL.sub("-", text)[:_LONGEST_LABEL].strip(_EDGES)


def label_key(text: str) -> str:
    """The text with what a label's name may not have replaced; empty where nothing is left."""
    prefix, slash, name = text.rpartition("/")
    name = label_value(name)
    prefix = re.sub(r"[^a-z0-9.-]+", "-", prefix.lower())[:_LONGEST_PREFIX].strip(_EDGES)
    return f"{prefix}/{name}" if slash and prefix and name else name
