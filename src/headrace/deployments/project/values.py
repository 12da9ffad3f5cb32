"""Filling the placeholders of a deployment file.

First what is known before anything is built (environment, variables, blocks), then, for the fields, what
the steps came to. Pull steps run elsewhere and later: of theirs only the outputs of steps and what this
environment has are filled in, so that no secret is stored with the deployment.
"""

from collections.abc import Callable, Mapping
from typing import Any, cast

from headrace.core.placeholders import KEPT, MISSING, fill_value, look_into, parse_reference
from headrace.deployments.references import References

STEPS = ("build", "push", "pull")
"""The fields that hold steps; `build` and `push` are filled when they run."""

Values = Mapping[str, Any]


def fill_fields(values: Values, references: References) -> dict[str, Any]:
    """The fields with references filled; placeholders of steps' outputs stay as they are written.

    A variable that does not exist, or is not set, is an empty text.

    Raises:
        ConfigurationError: A block that is named does not exist.
    """

    def fill(name: str) -> object:
        reference = parse_reference(name)
        if reference is None:
            return KEPT
        value = references.look_up(reference)
        return "" if value is MISSING else value

    return _without_steps(values, lambda value: fill_value(value, fill))


def fill_outputs(
    values: Values, outputs: Mapping[str, object], miss: Callable[[str], object]
) -> dict[str, Any]:
    """The fields with steps' outputs filled in; `miss` is told of each that there is not."""

    def fill(name: str) -> object:
        found = KEPT if parse_reference(name) is not None else look_into(outputs, name)
        if found is MISSING:
            miss(name)
        return found

    return _without_steps(values, lambda value: fill_value(value, fill))


def fill_pull_steps(
    steps: list[dict[str, Any]], outputs: Mapping[str, object], references: References
) -> list[dict[str, Any]]:
    """Pull steps with what only this machine knows; the rest is filled where they run."""

    def fill(name: str) -> object:
        reference = parse_reference(name)
        if reference is None:
            value = look_into(outputs, name)
        elif reference.kind == "environment":
            value = references.look_up(reference)
        else:
            return KEPT
        return KEPT if value is MISSING else value

    return cast("list[dict[str, Any]]", fill_value(steps, fill))


def _without_steps(values: Values, change: Callable[[object], object]) -> dict[str, Any]:
    filled = {name: value if name in STEPS else change(value) for name, value in values.items()}
    return {name: value for name, value in filled.items() if value is not MISSING}
