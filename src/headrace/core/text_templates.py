"""Templates in Jinja, as automations have them in their messages: whether one can be rendered at all.

The library takes 20 ms to import and most programs never use it: it is loaded at the first check.
"""

from functools import cache
from typing import Any, Final, NamedTuple

from headrace._bindings import load

# Bounds of the contract: whoever writes a template must not keep the server busy with loops.
MOST_LOOPS: Final = 10
DEEPEST_LOOP: Final = 2


class TemplateFault(NamedTuple):
    """What is wrong with a template, and in which line; 0 for the whole."""

    line: int
    message: str


@cache
def _environment() -> Any:
    return load("jinja2.sandbox:ImmutableSandboxedEnvironment")()


def find_template_fault(text: str) -> TemplateFault | None:
    """The first thing that is wrong with a template's syntax or its number of loops, or None."""
    syntax_error: Any = load("jinja2:TemplateSyntaxError")
    try:
        parsed = _environment().parse(text)
    except syntax_error as error:
        return TemplateFault(error.lineno, str(error.message))
    except RecursionError:
        return TemplateFault(0, "Nested too deeply.")
    loop: Any = load("jinja2.nodes:For")
    count = len(list(parsed.find_all(loop)))
    if count > MOST_LOOPS:
        return TemplateFault(0, f"{count} loops are more than the {MOST_LOOPS} that are allowed.")
    depth = _depth(parsed, loop)
    if depth > DEEPEST_LOOP:
        return TemplateFault(
            0, f"Loops in {depth} levels are more than the {DEEPEST_LOOP} allowed."
        )
    return None


def _depth(node: Any, loop: type[Any]) -> int:
    inner = max((_depth(child, loop) for child in node.iter_child_nodes()), default=0)
    return inner + isinstance(node, loop)
