"""What a history of runs shows: whether limits were kept, and queues served in their order.

A run holds its slot from its first PENDING to its end, both as its states tell. The end is told a
moment before its slot is free for others, so limits are judged exactly; that a higher queue had room
is only held against a claim when it had room for longer than `TOLD_BEFORE_FREE`.
"""

from collections.abc import Sequence
from dataclasses import dataclass

TOLD_BEFORE_FREE = 0.25  # seconds from a state's time until every claim sees it


@dataclass(frozen=True)
class Queue:
    """A queue: 1 is the highest priority; None is no limit."""

    name: str
    priority: int
    limit: int | None


@dataclass(frozen=True)
class Held:
    """A run that held a slot; moments are seconds since the epoch."""

    run: str
    queue: str
    due: float
    start: float
    end: float


def problems(runs: Sequence[Held], queues: Sequence[Queue], pool_limit: int) -> list[str]:
    """Every moment at which a limit was passed, or a lower queue served before a higher one."""
    by_name = {queue.name: queue for queue in queues}
    found: list[str] = []
    for run in sorted(runs, key=lambda held: held.start):
        found += _over_limit(run, runs, by_name[run.queue], pool_limit)
        found += _out_of_order(run, runs, queues, by_name[run.queue])
    return found


def _over_limit(run: Held, runs: Sequence[Held], queue: Queue, pool_limit: int) -> list[str]:
    live = [one for one in runs if one.start <= run.start < one.end]
    of_queue = [one for one in live if one.queue == run.queue]
    found: list[str] = []
    if len(live) > pool_limit:
        found.append(
            f"{run.start:.6f}: {len(live)} runs are live, the pool's limit is {pool_limit}"
        )
    if queue.limit is not None and len(of_queue) > queue.limit:
        found.append(
            f"{run.start:.6f}: {len(of_queue)} runs of {queue.name!r} are live, its limit is {queue.limit}"
        )
    return found


def _out_of_order(
    run: Held, runs: Sequence[Held], queues: Sequence[Queue], queue: Queue
) -> list[str]:
    """A run that began while one of a higher queue had waited with room for it."""
    before = run.start - TOLD_BEFORE_FREE
    found: list[str] = []
    for higher in queues:
        if higher.priority >= queue.priority:
            continue
        waiting = [
            one for one in runs
            if one.queue == higher.name and one.due <= before and one.start > run.start
        ]  # fmt: skip
        # Every one that held a slot at any time since then, as if it still did.
        used = [
            one for one in runs
            if one.queue == higher.name and one.start <= run.start and one.end > before
        ]  # fmt: skip
        if waiting and (higher.limit is None or len(used) < higher.limit):
            ends = sorted(one.end for one in runs if one.queue == higher.name and one.end <= before)
            since = max([min(one.due for one in waiting), *ends[-1:]])
            found.append(
                f"{run.start:.6f}: {run.run} of {queue.name!r} began while {len(waiting)} of"
                f" {higher.name!r} waited, which had room for {run.start - since:.3f} s:"
                f" {len(used)} of {higher.limit}"
            )
    return found
