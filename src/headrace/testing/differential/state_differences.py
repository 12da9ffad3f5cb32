"""What we answer to proposed states differently on purpose."""


def explain(row: str, proposed: str, theirs: str, ours: str) -> str | None:
    """Why our answer may differ from theirs, or None where it may not."""
    del row, proposed, theirs, ours
    return None
