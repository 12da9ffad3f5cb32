"""Changes to a manifest, given as data: a merge patch (RFC 7396) or a JSON patch (RFC 6902)."""

from collections.abc import Mapping
from typing import Any, cast

from jsonpatch import InvalidJsonPatch, JsonPatch, JsonPatchException
from jsonpointer import JsonPointerException

from headrace.errors import InfrastructureError

Json = dict[str, Any]


def customize(manifest: Json, changes: object) -> Json:
    """The manifest with changes made.

    Args:
        manifest: A job's manifest.
        changes: An object is merged in, null removing a field; a list is a JSON patch.

    Raises:
        InfrastructureError: They are neither, or do not fit the manifest.
    """
    if not changes:
        return manifest
    if isinstance(changes, Mapping):
        return merge(manifest, cast("Mapping[str, Any]", changes))
    if not isinstance(changes, list):
        message = (
            f"the job's 'customizations' are {changes!r}; give an object or a list of operations"
        )
        raise InfrastructureError(message)
    try:
        return cast("Json", JsonPatch(cast("list[Any]", changes)).apply(manifest))
    except (InvalidJsonPatch, JsonPatchException, JsonPointerException, TypeError) as error:
        message = f"the job's 'customizations' do not fit its manifest: {error}"
        raise InfrastructureError(message) from None


def merge(target: Mapping[str, Any], changes: Mapping[str, Any]) -> Json:
    """RFC 7396, section 2: objects are merged, anything else is replaced, null removes."""
    merged = dict(target)
    for name, value in changes.items():
        if value is None:
            merged.pop(name, None)
        elif isinstance(value, Mapping):
            below = merged.get(name)
            inner = cast("Json", below) if isinstance(below, dict) else {}
            merged[name] = merge(inner, cast("Mapping[str, Any]", value))
        else:
            merged[name] = value
    return merged
