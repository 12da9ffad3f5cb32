"""Where the parts of an input lie: its schema, its description and the answer."""

from typing import Any, TypedDict


class Keyset(TypedDict):
    """The keys of one input of one run."""

    description: str
    response: str
    schema: str


def keyset_from_base_key(base_key: str) -> Keyset:
    """The keys under one base."""
    return Keyset(
        description=f"{base_key}-description",
        response=f"{base_key}-response",
        schema=f"{base_key}-schema",
    )


def keyset_from_paused_state(state: Any) -> Keyset:
    """The keys of the input that a paused run asks for.

    Raises:
        ValueError: The state is not a paused one.
    """
    if not state.is_paused():
        message = f"{state!r} is not a paused state, so it asks for no input."
        raise ValueError(message)
    details: Any = state.state_details
    return keyset_from_base_key(f"{state.name.lower()}-{details.pause_key}")
