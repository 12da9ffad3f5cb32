"""The state machine as a page of the docs, made from the table that drives it.

`python -m headrace.core.orchestration.diagram` prints the page; a test holds that `docs/` has it.
"""

from collections.abc import Iterator
from itertools import groupby
from typing import Final

from headrace.core.orchestration.facts import RunKind
from headrace.core.orchestration.table import RULES
from headrace.core.states import StateType

WORDS: Final = {
    "accept": "It is entered as proposed.",
    "admit": "It takes a slot of every limit above the run; without one it waits or is cancelled, as the "
    "deployment says.",
    "again": "As `begin`, unless a result is kept: then the run stays as it is.",
    "begin": "Only inside a flow run that is RUNNING, at the scheduled time, with a slot of each tag's "
    "limit; a result that is known already is taken in place of running.",
    "carry": "It is entered, and keeps the scheduled time.",
    "drop": "Nothing was started yet: the run is CANCELLED at once.",
    "kept": "Refused: a result is kept, or the run is over.",
    "lateness": "It is entered; what is marked as late already is not marked again.",
    "leave": "It is entered, unless the pause timed out: then the run is FAILED.",
    "no_way": "Refused for good.",
    "not_active": "Refused: only a RUNNING run can be paused.",
    "over": "Refused for good: the run is over.",
    "pause": "Each pause of a flow is entered once; a run can be suspended only where a deployment can "
    "start it again.",
    "rename": "Refused for good unless the name is new: another process may be starting the run.",
    "rerun": "It is entered, unless a result is kept.",
    "reschedule": "It is entered where a deployment can start the run again and no result is kept.",
    "resume": "It is entered, unless the pause timed out: then the run is FAILED.",
    "retry": "While the policy allows another attempt the run is SCHEDULED as AwaitingRetry in its place.",
    "start": "It is entered at the scheduled time; before it, the answer is to wait.",
    "still": "Refused: a paused run goes on by being resumed.",
    "stop": "It is entered; a suspended run, which has no process, is CANCELLED at once.",
    "stopping": "Refused: a run that is being cancelled can only become CANCELLED.",
}
"""What each rule does, for people."""

REFUSALS: Final = frozenset({"kept", "no_way", "not_active", "over", "still", "stopping"})
"""Rules that never let a run into the proposed state."""

_ELSEWHERE: Final = {"drop": StateType.CANCELLED}
"""Rules that put another state in the place of the proposed one, always."""

_KINDS: Final[dict[RunKind, str]] = {"flow-run": "Flow runs", "task-run": "Task runs"}


def page() -> str:
    """The whole page, Markdown."""
    lines = [
        "# States and transitions",
        "",
        "Made from the table that the server decides by. A proposal may also be forced, which skips the",
        "rules. A client repeats a proposal without harm: the answer to a transition's id stays the same.",
    ]
    for kind, title in _KINDS.items():
        lines += ["", f"## {title}", "", "```mermaid", *_diagram(kind), "```", "", *_grid(kind)]
    lines += [
        "",
        "## What the rules do",
        "",
        "| rule | what becomes of the proposal |",
        "| --- | --- |",
    ]
    lines += [f"| `{name}` | {sentence} |" for name, sentence in sorted(WORDS.items())]
    return "\n".join([*lines, ""])


def _diagram(kind: RunKind) -> Iterator[str]:
    yield "stateDiagram-v2"
    edges = {
        (_name(before), _name(_ELSEWHERE.get(rule, after)), rule)
        for (before, after), rule in RULES[kind].items()
        if rule not in REFUSALS and before != after
    }
    order = sorted(edges, key=lambda edge: (edge[0] != "[*]", edge))
    for (before, after), grouped in groupby(order, key=lambda edge: edge[:2]):
        labels = [rule for _, _, rule in grouped if rule != "accept"]
        yield f"    {before} --> {after}" + (f" : {', '.join(labels)}" if labels else "")


def _grid(kind: RunKind) -> Iterator[str]:
    rules = RULES[kind]
    columns = list(dict.fromkeys(after for _, after in rules))
    yield "| from \\ proposed | " + " | ".join(columns) + " |"
    yield "| --- |" + " --- |" * len(columns)
    for before in dict.fromkeys(before for before, _ in rules):
        cells = " | ".join(f"`{rules[before, after]}`" for after in columns)
        yield f"| {'none' if before is None else before} | {cells} |"


def _name(state: StateType | None) -> str:
    return "[*]" if state is None else state


if __name__ == "__main__":
    print(page(), end="")  # noqa: T201  # what it is started for
