"""Makes the same objects on all sides, over the API; answers of the writes are compared too."""
# JSON of any shape passes through
# pyright: reportUnknownArgumentType=false, reportUnknownVariableType=false, reportUnknownMemberType=false

import time
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Final

from headrace.testing.differential.answers import Answers
from headrace.testing.differential.objects import Step
from headrace.testing.differential.sides import Reply
from headrace.testing.differential.world import PEERS, Id, World

TOLD_EVERY: Final = 15.0  # seconds between two lines of progress
_REFRESHED_AT_ONCE: Final = 200  # runs in one answer: the most that a list has

UNSENT: Final = Reply(0, None)
"""In place of an answer where a side lacks what a step needs: it refused that before."""

Report = Callable[[str, int, str], None]
"""Told of each difference: the operation, which side differs from the peer, and what."""


class Loader:
    """Takes steps on all sides."""

    def __init__(
        self,
        world: World,
        report: Report,
        progress: Callable[[str], None],
        kept: Iterator[Reply] | None = None,
        lag_seconds: float = 0.0,
    ) -> None:
        """Of a world whose peer may have been loaded before.

        Args:
            world: The sides.
            report: Told what differs.
            progress: Told what goes on.
            kept: What the peer answered to the same steps before; then it is not asked again.
            lag_seconds: By how much later the others are loaded, at most.
        """
        self._world = world
        self._report = report
        self._progress = progress
        self._kept = kept
        self._answers = Answers(world, lag_seconds)
        self.replies: list[Reply] = []
        """Of the peer, in order."""

    def load(self, steps: Iterable[Step]) -> int:
        """Take the steps in order; how many."""
        began = told = time.monotonic()
        taken = 0
        for step in steps:
            self._take(step)
            taken += 1
            if time.monotonic() - told > TOLD_EVERY:
                told = time.monotonic()
                self._progress(f"{taken} writes in {told - began:.0f} s")
        self._refresh()
        return taken

    def _take(self, step: Step) -> None:
        replies = self._send(step.path, step.body)
        if step.label is not None:
            made = [reply.json if 0 < reply.status < 300 else None for reply in replies]
            self._world.learn(step.label, made)
        self._compare(f"POST {step.path}", replies)

    def _send(self, path: str, body: Any) -> tuple[Reply, ...]:
        def ask(at: int) -> Reply:
            if at == PEERS and self._kept is not None:
                return next(self._kept)
            if self._world.knows_path(path, at) and self._world.knows(body, at):
                return self._world.ask(at, "POST", path, body)
            return UNSENT

        replies = self._world.on_each(ask)
        self.replies.append(replies[PEERS])
        return replies

    def _compare(self, operation: str, replies: tuple[Reply, ...]) -> None:
        for at, reply in enumerate(replies):
            if at != PEERS and reply is not UNSENT and replies[PEERS].status:
                for what in self._answers.compare(reply, replies[PEERS], at):
                    self._report(operation, at, what)

    def _refresh(self) -> None:
        """Learn how runs are now, after their states changed."""
        for noun in ("flow_run", "task_run"):
            for labels in _slices(self._world.of_noun[noun]):
                ids = {"id": {"any_": [Id(label) for label in labels]}}
                body = {f"{noun}s": ids, "limit": _REFRESHED_AT_ONCE}
                found = [
                    {one["id"]: one for one in reply.json}
                    for reply in self._send(f"/{noun}s/filter", body)
                ]
                for label in labels:
                    answers = [
                        by_id[self._world.objects[at][label]["id"]]
                        for at, by_id in enumerate(found)
                    ]
                    self._world.learn(label, answers)
                    whole = tuple(Reply(200, answer) for answer in answers)
                    self._compare(f"/{noun}s/{{id}}", whole)


def _slices(labels: list[str]) -> Iterator[list[str]]:
    for first in range(0, len(labels), _REFRESHED_AT_ONCE):
        yield labels[first : first + _REFRESHED_AT_ONCE]
