"""Finds kinds of infrastructure: ours and those of other packages, all by their entry points."""

from collections.abc import Callable
from importlib.metadata import EntryPoint, entry_points
from importlib.util import find_spec
from typing import Any

from headrace.errors import InfrastructureError
from headrace.infrastructure.contract import Infrastructure
from headrace.infrastructure.kinds import ENTRY_POINTS, KindContext, KindSpec


def known_kinds() -> list[str]:
    """The names of the kinds that installed packages register; nothing of theirs is imported."""
    return sorted({entry.name for entry in entry_points(group=ENTRY_POINTS)})


def find_kind(name: str) -> KindSpec:
    """The kind of that name.

    Raises:
        InfrastructureError: No package registers it, or two do, or what is registered is no kind.
    """
    found = {entry.value: entry for entry in entry_points(group=ENTRY_POINTS, name=name)}
    if not found:
        message = (
            f"this installation knows no kind {name!r} of infrastructure; it knows: "
            f"{', '.join(known_kinds())}. Install the package that provides {name!r}"
        )
        raise InfrastructureError(message)
    if len(found) > 1:
        owners = " and ".join(sorted(_origin(entry) for entry in found.values()))
        message = f"{owners} both provide a kind {name!r} of infrastructure; uninstall one of them"
        raise InfrastructureError(message)
    return _load(next(iter(found.values())))


def missing_modules(spec: KindSpec) -> list[str]:
    """What the kind needs and this environment has not."""
    return [module for module in spec.modules if find_spec(module) is None]


def make_infrastructure(spec: KindSpec, context: KindContext) -> Infrastructure:
    """The infrastructure, ready to launch jobs.

    Raises:
        InfrastructureError: A module that it needs is not installed, or it cannot be used here.
    """
    missing = missing_modules(spec)
    if missing:
        message = (
            f"jobs of type {spec.name!r} need {', '.join(missing)}, which this environment has not; "
            f"run pip install '{spec.requirement}', or let the worker do it with "
            "--install-policy if-not-present"
        )
        raise InfrastructureError(message)
    make: Callable[[KindContext], Infrastructure] = _object_at(spec.make)
    return make(context)


def _load(entry: EntryPoint) -> KindSpec:
    try:
        spec = entry.load()
    except (ImportError, AttributeError) as error:
        message = f"the kind {entry.name!r} of {_origin(entry)} cannot be loaded: {error}"
        raise InfrastructureError(message) from error
    if not isinstance(spec, KindSpec) or spec.name != entry.name:
        message = (
            f"the entry point {entry.name!r} of {_origin(entry)} is {spec!r}; it must be a KindSpec "
            f"named {entry.name!r}"
        )
        raise InfrastructureError(message)
    return spec


def _object_at(target: str) -> Any:
    return EntryPoint(name=target, value=target, group=ENTRY_POINTS).load()


def _origin(entry: EntryPoint) -> str:
    return entry.dist.name if entry.dist else entry.value
