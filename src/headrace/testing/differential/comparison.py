"""One comparison, from loading to the last question, and what it found."""
# JSON of any shape passes through
# pyright: reportUnknownArgumentType=false, reportUnknownVariableType=false, reportUnknownMemberType=false

import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from headrace.testing.differential.answers import Answers
from headrace.testing.differential.deliberate import is_deliberate
from headrace.testing.differential.load import Loader
from headrace.testing.differential.questions import Question, Questions
from headrace.testing.differential.sides import Reply, Side
from headrace.testing.differential.world import World

SHOWN = 8  # of the differences of one operation, in a report


@dataclass
class Findings:
    """What a comparison found."""

    seed: int
    loaded: Counter[str] = field(default_factory=Counter[str])
    asked: Counter[str] = field(default_factory=Counter[str])
    answered: Counter[str] = field(default_factory=Counter[str])
    """Questions by path that both sides answered with success."""
    differences: dict[str, list[str]] = field(default_factory=dict[str, list[str]])
    deliberate: Counter[str] = field(default_factory=Counter[str])
    seconds: dict[str, float] = field(default_factory=dict[str, float])

    def add(self, operation: str, what: str) -> None:
        """Keep one difference, unless it is one that is meant."""
        reason = is_deliberate(operation, what)
        if reason is not None:
            self.deliberate[reason] += 1
        else:
            self.differences.setdefault(operation, []).append(what)


def compare(
    ours: Side,
    peers: Side,
    seed: int,
    *,
    runs: int,
    reads: int,
    transitions: bool = False,
    progress: Callable[[str], None] = lambda _: None,
) -> Findings:
    """Load both sides alike, ask both the same, and compare.

    Args:
        ours: Our server, empty.
        peers: The peer's server, empty.
        seed: What is loaded and asked follows from it.
        runs: How many flow runs are loaded, and as many task runs.
        reads: How many questions are asked.
        transitions: Whether runs get further states than the one they begin in.
        progress: Told what goes on.
    """
    findings = Findings(seed)
    world = World(ours, peers)
    began = time.monotonic()
    Loader(world, seed, lambda path, what: findings.add(_shape(path), what)).load(
        runs, transitions=transitions
    )
    findings.loaded.update({noun: len(labels) for noun, labels in world.of_noun.items()})
    findings.seconds["load"] = time.monotonic() - began
    progress(f"loaded {dict(findings.loaded)} in {findings.seconds['load']:.0f} s")
    began = time.monotonic()
    questions = Questions(world, ours.call("GET", "/openapi.json").json, seed)
    answers = Answers(world)
    for _ in range(reads):
        question = questions.ask()
        _ask(world, answers, question, findings)
    findings.seconds["reads"] = time.monotonic() - began
    return findings


def _ask(world: World, answers: Answers, question: Question, findings: Findings) -> None:
    ours, peers = world.exchange(question.method, question.path, question.body)
    operation = f"{question.method} {_shape(question.path)}"
    findings.asked[operation] += 1
    if ours.status == peers.status == 200:
        findings.answered[operation] += 1
    for what in _differences(answers, question, ours, peers):
        findings.add(operation, f"{what}\n      asked: {world.fill(question.body, 0)}")


def _differences(answers: Answers, question: Question, ours: Reply, peers: Reply) -> list[str]:
    if ours.status != 200 or peers.status != 200:
        return answers.compare(ours, peers)
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
            Reply(200, mine | {"results": []}), Reply(200, theirs | {"results": []})
        )
        mine, theirs, cut = mine["results"], theirs["results"], mine["pages"] > 1
    if isinstance(mine, list) and isinstance(theirs, list) and question.sort is not None:
        return found + answers.compare_lists(mine, theirs, question.sort, cut=cut)
    if (
        isinstance(mine, list)
        and isinstance(theirs, list)
        and question.path.endswith("concurrency_limits/filter")
    ):
        # ordered by names that may have ids in them
        return answers.compare_lists(mine, theirs, "id", cut=cut)
    return found or answers.compare(ours, peers)


def _shape(path: str) -> str:
    """A path with its labels' nouns only."""
    method, space, rest = path.rpartition(" ")
    parts = ["{id}" if part.startswith("{") else part for part in rest.split("/")]
    return f"{method}{space}{'/'.join(parts)}"
