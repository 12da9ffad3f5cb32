"""What we answer to proposed states differently on purpose."""

import re
from collections.abc import Callable, Mapping
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


def _found_in_cache(initial: str, proposed: str, theirs: Words, ours: Words) -> bool:
    """The kept result was entered by force, which keeps it out of the other server's cache."""
    del initial, theirs
    return proposed == "Running known key" and "COMPLETED:Cached" in ours["told"]


def _fails_elsewhere(initial: str, proposed: str, theirs: Words, ours: Words) -> bool:
    """An empty list of delays is none: elsewhere the request ends in an error of the server."""
    del initial, proposed, ours
    return theirs["status"] == "500"


def _is_forced(initial: str, proposed: str, theirs: Words, ours: Words) -> bool:
    """A forced state is entered, also where a result is kept."""
    del proposed
    is_refused = (theirs["verdict"], ours["verdict"]) == ("REJECT", "ACCEPT")
    return initial == "Completed persisted forced" and is_refused


def _says_retrying(initial: str, proposed: str, theirs: Words, ours: Words) -> bool:
    """A task run that runs again is Retrying or Rerunning, whatever else was asked on the way."""
    del initial, proposed
    names = ("RUNNING:Retrying", "RUNNING:Rerunning", "RUNNING:Running")
    return all(any(name in side["told"] for name in names) for side in (theirs, ours))


WHOLE: Final[tuple[Callable[[str, str, Words, Words], bool], ...]] = (
    _stays_over,
    _ends_suspended,
    _found_in_cache,
    _fails_elsewhere,
    _is_forced,
)
"""Each says why everything about an outcome may differ."""


def explain(row: str, proposed: str, theirs: str, ours: str) -> str | None:
    """Why our answer may differ from theirs, or None where it may not."""
    kind, setting, initial = row.split(" | ")
    mine, other = _words(ours), _words(theirs)
    for reason in WHOLE:
        if reason(initial, proposed, other, mine):
            return reason.__doc__
    differing = {name for name in mine.keys() | other.keys() if mine.get(name) != other.get(name)}
    allowed: set[str] = set()
    if initial.startswith(("Paused", "Suspended")) and mine.get("resuming") == "False":
        allowed.add(
            "resuming"
        )  # only a run that is resumed is resuming, not any that leaves its pause
    if setting.startswith("resuming"):
        # The first attempt is counted also of a run that was made as a resuming one.
        allowed |= {"resuming"} if initial.startswith(("Paused", "Suspended")) else set()
        allowed |= (
            {"runs"} if (other.get("runs"), mine.get("runs")) in {("0", "1"), ("1", "2")} else set()
        )
    if proposed == "Completed unpersisted":
        allowed.add("told")  # what is not kept is not repeated in the answer either
    if kind == "task-run" and _says_retrying(initial, proposed, other, mine):
        allowed |= {"told", "is"}
    return "see the comments" if differing <= allowed else None


def _words(outcome: str) -> dict[str, str]:
    status, *rest = outcome.split(" ", 2)
    found = {"status": status, "verdict": rest[0] if rest else "", "told": "", "is": ""}
    found |= dict(re.findall(r"(\w+)=(\(.*?\)|\S+)(?= |$)", rest[1] if len(rest) > 1 else ""))
    return found
