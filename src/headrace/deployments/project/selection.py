"""Which deployments of a file a command means."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from headrace.deployments.project.discovery import flow_name_of

_WILD = frozenset("*?[")


@dataclass(frozen=True, slots=True)
class Chosen:
    """Deployments that were asked for.

    Args:
        indices: Their places in the file's list, in its order.
        missing: Names that match none.
    """

    indices: tuple[int, ...]
    missing: tuple[str, ...]


def choose(entries: Sequence[Mapping[str, Any]], wanted: Iterable[str], directory: Path) -> Chosen:
    """The deployments that names stand for: `name`, `flow/name`, or either with `*` and `?`.

    Args:
        entries: The file's deployments.
        wanted: The names.
        directory: Of the file; flows' names are read from the code in it.
    """
    found: set[int] = set()
    missing: list[str] = []
    for name in wanted:
        matching = {i for i, entry in enumerate(entries) if _matches(entry, name, directory)}
        found |= matching
        if not matching:
            missing.append(name)
    return Chosen(tuple(sorted(found)), tuple(missing))


def is_pattern(name: str) -> bool:
    """Whether a name may mean several deployments, so that none can be made of it."""
    return not _WILD.isdisjoint(name)


def _matches(entry: Mapping[str, Any], wanted: str, directory: Path) -> bool:
    name = entry.get("name")
    if not isinstance(name, str):
        return False
    flow, slash, own = wanted.rpartition("/")
    if not fnmatchcase(name, own):
        return False
    return not slash or any(fnmatchcase(one, flow) for one in _flow_names(entry, directory))


def _flow_names(entry: Mapping[str, Any], directory: Path) -> list[str]:
    """What the flow of a deployment may be called: as the file says, its function, its own name."""
    names = [entry["flow_name"]] if isinstance(entry.get("flow_name"), str) else []
    entrypoint = entry.get("entrypoint")
    if isinstance(entrypoint, str):
        function = entrypoint.rpartition(":")[2]
        names += [function, function.replace("_", "-")]
        in_file = flow_name_of(entrypoint, directory)
        names += [in_file] if in_file else []
    return names
