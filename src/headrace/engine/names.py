"""Names of runs from templates of their parameters."""

from collections.abc import Callable, Mapping
from typing import Any

from headrace.parameters import Signature


def render_run_name(
    template: str | Callable[..., str], parameters: Mapping[str, Any], default: str
) -> str:
    """A run's name.

    Args:
        template: A format string over the parameters, or a function; one with a parameter
            `parameters` is given them.
        parameters: By name.
        default: Used when the template gives an empty name.

    Raises:
        TypeError: The template is neither, or the function does not return text.
        KeyError: The format string names a parameter that does not exist.
    """
    if isinstance(template, str):
        return template.format(**parameters) or default
    if not callable(template):
        message = f"A run name is a text or a function, not {template!r}."
        raise TypeError(message)
    wanted = Signature(template).names
    name: Any = template(parameters=parameters) if "parameters" in wanted else template()
    if not isinstance(name, str):
        message = f"The function that names the run returned {name!r}; it must return text."
        raise TypeError(message)
    return name or default
