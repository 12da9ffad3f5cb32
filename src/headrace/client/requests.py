"""Parts of a request that several nouns need."""

from __future__ import annotations

from urllib.parse import quote


def segment(name: str) -> str:
    """A name as one segment of a path, whatever characters it has."""
    return quote(name, safe="")


def epoch_header(epoch: int | None) -> dict[str, str] | None:
    """The header that says which attempt at a run is speaking."""
    return None if epoch is None else {"x-headrace-epoch": str(epoch)}
