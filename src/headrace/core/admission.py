"""Who may run now: limits and pauses, decided from counts. No IO, no clock.

A run is admitted by every resource above it at once (its pool, its queue, its deployment), or by
none. Usage is always a count of live rows that the caller read; nothing here is remembered between
transactions.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum


class ResourceKind(StrEnum):
    """What can keep a run from starting."""

    WORK_POOL = "work_pool"
    WORK_QUEUE = "work_queue"
    DEPLOYMENT = "deployment"


_RANK = {kind: rank for rank, kind in enumerate(ResourceKind)}


@dataclass(frozen=True, slots=True)
class Resource:
    """One thing that must admit a run.

    Args:
        limit: Live runs at most; None for no limit, 0 for none at all.
        cancel_new: A run that finds the limit reached is cancelled rather than kept waiting.
        shared: The name of the limit, where others take slots of it too.
    """

    kind: ResourceKind
    id: str
    name: str
    limit: int | None = None
    is_paused: bool = False
    cancel_new: bool = False
    shared: str | None = None

    @property
    def lock_key(self) -> str:
        """The name under which its slots are counted and taken by one transaction at a time.

        The keys of outer resources sort before those of inner ones: a claim locks pool and queue
        before it knows which deployments it will meet, and everybody must lock in one order. A shared
        limit has the key by which its other users lock it; it sorts last.
        """
        if self.shared is not None:
            return f"limit:{self.shared}"
        return f"{_RANK[self.kind]}:{self.kind}:{self.id}"


@dataclass(frozen=True, slots=True)
class Admitted:
    """The run may become PENDING, within this transaction."""


@dataclass(frozen=True, slots=True)
class Blocked:
    """The run must wait, or, where `cancel` is set, end.

    `used` is None when the resource is paused.
    """

    resource: Resource
    used: int | None = None

    @property
    def cancel(self) -> bool:
        """Whether the deployment's strategy is to cancel what finds no slot."""
        return self.used is not None and self.resource.cancel_new

    @property
    def kind(self) -> str:
        """`work_pool_paused`, `deployment_limit`, …"""
        return f"{self.resource.kind}_{'paused' if self.used is None else 'limit'}"

    @property
    def sentence(self) -> str:
        """The reason for a person."""
        word = self.resource.kind.replace("_", " ")
        if self.used is None:
            return f"The {word} {self.resource.name!r} is paused."
        return (
            f"The {word} {self.resource.name!r} allows {self.resource.limit} runs at once "
            f"and {self.used} hold a slot."
        )


ADMITTED = Admitted()


class Slots:
    """The slots in use while one transaction admits a batch.

    Args:
        used: Live runs by the resource's `lock_key`, for limited resources.
    """

    def __init__(self, used: Mapping[str, int]) -> None:
        self._used = dict(used)

    def count(self, used: Mapping[str, int]) -> None:
        """Add resources whose live runs were counted later in the transaction."""
        self._used.update(used)

    def knows(self, resource: Resource) -> bool:
        """Whether the resource's live runs were counted."""
        return resource.lock_key in self._used

    def room(self, resource: Resource) -> int | None:
        """How many more runs the resource admits; None for any number."""
        if resource.is_paused:
            return 0
        if resource.limit is None:
            return None
        return max(0, resource.limit - self._used.get(resource.lock_key, 0))

    def admit(self, resources: Sequence[Resource]) -> Admitted | Blocked:
        """Take one slot of each resource, or of none.

        Pauses are named before limits, and the outer resource before the inner one: the first thing
        a person has to change is the one that is told.
        """
        for resource in resources:
            if resource.is_paused:
                return Blocked(resource)
        for resource in resources:
            if self.room(resource) == 0:
                return Blocked(resource, self._used.get(resource.lock_key, 0))
        for resource in limited(resources):
            self._used[resource.lock_key] = self._used.get(resource.lock_key, 0) + 1
        return ADMITTED


def limited(resources: Iterable[Resource]) -> list[Resource]:
    """The resources whose slots are counted: only these need a lock."""
    return [resource for resource in resources if resource.limit is not None]
