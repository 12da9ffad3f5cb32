"""One comparison, from loading to the last question."""
# JSON of any shape passes through
# pyright: reportUnknownArgumentType=false, reportUnknownVariableType=false, reportUnknownMemberType=false

import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

from headrace.testing.differential.answers import Answers
from headrace.testing.differential.findings import Findings, shape
from headrace.testing.differential.kept import KeptLoad, KeptReplies
from headrace.testing.differential.load import TOLD_EVERY, Loader
from headrace.testing.differential.objects import Objects, Step
from headrace.testing.differential.questions import Question, Questions
from headrace.testing.differential.sides import Reply
from headrace.testing.differential.world import PEERS, World

Progress = Callable[[str], None]


def plan_load(seed: int, runs: int) -> list[Step]:
    """What is loaded for a seed today."""
    today = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    return list(Objects(seed, today).steps(runs))


def compare(
    world: World,
    seed: int,
    steps: Sequence[Step],
    reads: int,
    findings: Findings,
    *,
    progress: Progress = lambda _: None,
    keep: KeptLoad | None = None,
) -> None:
    """Load all sides alike, ask all the same, and compare each of ours with the peer.

    Args:
        world: Empty servers, but for a peer that was loaded before.
        seed: What is asked follows from it.
        steps: What is loaded.
        reads: How many questions are asked.
        findings: Told what differs.
        progress: Told what goes on.
        keep: Where the peer's answers to the steps are kept.
    """
    lag = _load(world, steps, findings, progress, keep)
    began = told = time.monotonic()
    questions = Questions(world, world.sides[-1].call("GET", "/openapi.json").json, seed)
    answers = Answers(world, lag)
    for number in range(reads):
        _ask(world, answers, questions.ask(), findings)
        if time.monotonic() - told > TOLD_EVERY:
            told = time.monotonic()
            progress(f"{number + 1} questions in {told - began:.0f} s")
    findings.seconds["reads"] = round(time.monotonic() - began)


def _load(
    world: World,
    steps: Sequence[Step],
    findings: Findings,
    progress: Progress,
    keep: KeptLoad | None,
) -> float:
    """Seconds by which the peer may have been loaded before the others."""
    began = time.time()
    kept = None if keep is None else keep.load()

    def report(operation: str, at: int, what: str) -> None:
        findings.add(operation, world.sides[at].name, what)

    replies = None if kept is None else iter(kept.replies)
    lag = 0.0 if kept is None else began - kept.began
    loader = Loader(world, report, progress, replies, lag)
    findings.loaded["write"] = loader.load(steps)
    findings.loaded.update({noun: len(labels) for noun, labels in world.of_noun.items()})
    if keep is not None and kept is None:
        keep.save(KeptReplies(began, loader.replies))
    findings.seconds["load"] = round(time.time() - began)
    progress(f"loaded {dict(findings.loaded)} in {findings.seconds['load']} s")
    return lag


def _ask(world: World, answers: Answers, question: Question, findings: Findings) -> None:
    replies = world.exchange(question.method, question.path, question.body)
    operation = shape(f"{question.method} {question.path}")
    findings.asked[operation] += 1
    if replies[PEERS].status >= 500:
        findings.failed[operation] += 1
    elif all(reply.status == 200 for reply in replies):
        findings.answered[operation] += 1
    for at, reply in enumerate(replies):
        if at != PEERS:
            for what in _differences(answers, question, reply, replies[PEERS], at):
                asked = f"\n      asked: {world.fill(question.body, at)}"
                findings.add(operation, world.sides[at].name, what + asked)


def _differences(
    answers: Answers, question: Question, ours: Reply, peers: Reply, at: int
) -> list[str]:
    if ours.status != 200 or peers.status != 200:
        return answers.compare(ours, peers, at)
    mine: Any = ours.json
    theirs: Any = peers.json
    cut = False
    found: list[str] = []
    if isinstance(question.body, dict):
        cut = bool(question.body.get("offset")) or (
            isinstance(mine, list) and len(mine) >= question.body.get("limit", 200)
        )
    if isinstance(mine, dict) and isinstance(theirs, dict) and "results" in mine:
        found = answers.compare(
            Reply(200, mine | {"results": []}), Reply(200, theirs | {"results": []}), at
        )
        mine, theirs, cut = mine["results"], theirs["results"], mine["pages"] > 1
    if isinstance(mine, list) and isinstance(theirs, list) and question.sort is not None:
        return found + answers.compare_lists(mine, theirs, at, question.sort, cut=cut)
    if (
        isinstance(mine, list)
        and isinstance(theirs, list)
        and question.path.endswith("concurrency_limits/filter")
    ):
        # ordered by names that may have ids in them
        return answers.compare_lists(mine, theirs, at, "id", cut=cut)
    return found or answers.compare(ours, peers, at)
