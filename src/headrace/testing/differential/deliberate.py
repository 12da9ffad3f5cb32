"""Where Headrace means to answer otherwise than the peer, and why. Nothing else may differ."""

import re
from typing import Final

# Operation, the difference, and the reason; both are patterns that must be found.
DELIBERATE: Final[tuple[tuple[str, str, str], ...]] = ()


def is_deliberate(operation: str, difference: str) -> str | None:
    """The reason, when the difference is meant."""
    for where, what, reason in DELIBERATE:
        if re.search(where, operation) and re.search(what, difference):
            return reason
    return None
