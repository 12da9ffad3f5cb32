"""Why a process ended, as far as its exit code, its limits and its last words tell. Pure but for a look."""

import re
from collections.abc import Sequence
from typing import Final

from headrace.infrastructure.contract import Handle
from headrace.infrastructure.exits import describe_exit
from headrace.infrastructure.process.groups import leave_group

MEMORY: Final = "memory_limit"
"""In a handle's details: how much memory the attempt may have, MiB."""
GROUP: Final = "group"
"""In a handle's details: its control group."""

# What runtimes and the system's library print when they are refused memory.
_LAST_WORDS: Final = re.compile(
    r"^MemoryError\b|std::bad_alloc|cannot allocate memory|out of memory", re.IGNORECASE
)


def reason_of_end(handle: Handle, code: int | None, lines: Sequence[str]) -> str:
    """Why an attempt ended, in words; what was kept for its limits is removed.

    Args:
        handle: The attempt.
        code: Its exit code, as far as known.
        lines: The last lines that it printed.
    """
    group = handle.details.get(GROUP)
    was_killed = leave_group(str(group)) if group else False
    memory = handle.details.get(MEMORY)
    if memory is None or code == 0:
        return describe_exit(code)
    if was_killed or any(_LAST_WORDS.search(line) for line in lines):
        return f"ran out of memory: limit {memory} MiB"
    return describe_exit(code)
