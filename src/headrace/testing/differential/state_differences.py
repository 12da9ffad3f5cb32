"""What we answer to proposed states differently on purpose."""

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Final

Words = Mapping[str, str]
"""The parts of an outcome by name: `status`, `verdict`, `told`, `is`, `runs`, …"""

_OVER: Final = ("Completed", "Cancelled")
_ENDS: Final = ("COMPLETED", "FAILED", "CRASHED", "CANCELLED")


def _stays_over(initial: str, proposed: str, theirs: Words, ours: Words) -> bool:
    """A cancelled run stays cancelled, and a completed one is not made failed or cancelled.

    A late report of a process that was not told in time must not undo what a person decided.
    """
    del proposed
    return initial.startswith(_OVER) and (theirs["verdict"], ours["verdict"]) == ("ACCEPT", "ABORT")


def _ends_suspended(initial: str, proposed: str, theirs: Words, ours: Words) -> bool:
    """A suspended run without a deployment can still be ended: elsewhere it is stuck for ever."""
    del proposed
    ends = ours["told"].startswith(tuple(f"({kind}" for kind in _ENDS))
    return (
        initial == "Suspended"
        and (theirs["verdict"], ours["verdict"]) == ("REJECT", "ACCEPT")
        and ends
    )


def _fails_elsewhere(initial: str, proposed: str, theirs: Words, ours: Words) -> bool:
    """An empty list of delays is none: elsewhere the request ends in an error of the server."""
    del initial, proposed, ours
    return theirs["status"] == "500"


def _is_forced(initial: str, proposed: str, theirs: Words, ours: Words) -> bool:
    """A forced state is entered, also where a result is kept."""
    del proposed
    is_refused = (theirs["verdict"], ours["verdict"]) == ("REJECT", "ACCEPT")
    return initial == "Completed persisted forced" and is_refused


WHOLE: Final[tuple[Callable[[str, str, Words, Words], bool], ...]] = (
    _stays_over,
    _ends_suspended,
    _fails_elsewhere,
    _is_forced,
)
"""Each says why everything about an outcome may differ."""


def explain(row: str, proposed: str, theirs: str, ours: str) -> str | None:
    """Why our answer may differ from theirs, or None where it may not."""
    initial = row.split(" | ")[2]
    mine, other = _words(ours), _words(theirs)
    for reason in WHOLE:
        if reason(initial, proposed, other, mine):
            return reason.__doc__
    differing = {name for name in mine.keys() | other.keys() if mine.get(name) != other.get(name)}
    allowed = dict(_partial(row, proposed, other, mine))
    return allowed[min(differing)] if differing and differing <= allowed.keys() else None


_RESUMING: Final = "Only a run that is resumed is resuming, not any that leaves its pause."
_FIRST: Final = "The first attempt is counted also of a run that was made as a resuming one."
_UNTOLD: Final = "What is not kept of a result is not repeated in the answer either."


_NAMED: Final = "Whether a task that was over is Running or Retrying depends on no cache key."
_RUNNING_AGAIN: Final = ("RUNNING:Retrying", "RUNNING:Rerunning", "RUNNING:Running")


def _partial(row: str, proposed: str, theirs: Words, ours: Words) -> Iterator[tuple[str, str]]:
    """Parts of an outcome that may differ, each with its reason."""
    kind, setting, initial = row.split(" | ")
    left_pause = initial.startswith(("Paused", "Suspended"))
    made_resuming = setting.startswith("resuming")
    if left_pause and (made_resuming or ours.get("resuming") == "False"):
        yield "resuming", _RESUMING
    if made_resuming and (theirs.get("runs"), ours.get("runs")) in {("0", "1"), ("1", "2")}:
        yield "runs", _FIRST
    if proposed == "Completed unpersisted":
        yield "told", _UNTOLD
    both = (theirs["told"], ours["told"])
    if kind == "task-run" and all(any(name in told for name in _RUNNING_AGAIN) for told in both):
        yield "told", _NAMED
        yield "is", _NAMED


def _words(outcome: str) -> dict[str, str]:
    status, *rest = outcome.split(" ", 2)
    found = {"status": status, "verdict": rest[0] if rest else "", "told": "", "is": ""}
    found |= dict(re.findall(r"(\w+)=(\(.*?\)|\S+)(?= |$)", rest[1] if len(rest) > 1 else ""))
    return found
