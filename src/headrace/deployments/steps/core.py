"""Running steps, one after the other: each may use what those before it came to."""

import importlib
import inspect
from collections.abc import Callable, Mapping
from typing import Any, cast

from headrace._bindings import HEAVY, load
from headrace.client.default import default_client
from headrace.core.placeholders import KEPT, MISSING, Fill, fill_value, look_into, parse_reference
from headrace.deployments.references import References
from headrace.deployments.steps.names import OURS
from headrace.deployments.steps.utility import install
from headrace.errors import HeadraceError, StepExecutionError

__all__ = ["StepExecutionError", "run_step", "run_steps"]

KEYWORDS = frozenset({"id", "requires"})
"""What a step says of itself, beside its function's arguments."""


def run_steps(  # noqa: PLR0917  # the contract's signature
    steps: list[dict[str, Any]],
    upstream_outputs: dict[str, Any] | None = None,
    print_function: Callable[[str], object] = print,
    deployment: Any = None,
    flow_run: Any = None,
    logger: Any = None,
) -> dict[str, Any]:
    """Run steps in their order.

    Args:
        steps: Each `{"name.of.the.function": {argument: value, "id": …, "requires": …}}`.
        upstream_outputs: What earlier steps came to.
        print_function: Takes a line that tells which step runs.
        deployment: Accepted for the contract.
        flow_run: As above.
        logger: Takes the lines instead of `print_function`, at the level of information.

    Returns:
        `upstream_outputs` with what each step came to: each value by its own name, a later one over an
        earlier one, and all values of a step with an id under that id.

    Raises:
        StepExecutionError: A step is none, or failed; it names the step.
    """
    del deployment, flow_run
    outputs = dict(upstream_outputs or {})
    tell = print_function if logger is None else logger.info
    for step in steps:
        name, inputs = _open(step)
        tell(f" > Running the step {name.rpartition('.')[2]} ...")
        output = run_step(step, outputs)
        step_id = inputs.get("id")
        if step_id is not None:
            outputs[str(step_id)] = output
        outputs.update(output)
    return outputs


def run_step(
    step: dict[str, Any], upstream_outputs: dict[str, Any] | None = None
) -> dict[str, Any]:
    """Run one step; what it came to, `{}` where that is no mapping.

    Raises:
        StepExecutionError: As of `run_steps`.
    """
    name, inputs = _open(step)
    try:
        function = find_function(name, inputs.get("requires"))
        given = {key: value for key, value in inputs.items() if key not in KEYWORDS}
        fill = fill_from(upstream_outputs or {}, References(default_client))
        arguments = cast("dict[str, Any]", fill_value(given, fill))
        output = function(**arguments)
        if inspect.isawaitable(output):
            output = load(HEAVY["asyncio"]).run(_result_of(output))
    except StepExecutionError as error:
        raise StepExecutionError(f"the step {name} failed: {error}") from error
    except HeadraceError as error:
        raise StepExecutionError(f"the step {name} cannot be run: {error}") from error
    except Exception as error:  # a step is anyone's code
        message = f"the step {name} failed with {type(error).__name__}: {error}"
        raise StepExecutionError(message) from error
    return dict(cast("Mapping[str, Any]", output)) if isinstance(output, Mapping) else {}


async def _result_of(awaitable: Any) -> Any:
    return await awaitable


def fill_from(outputs: Mapping[str, object], references: References) -> Fill:
    """What placeholders of a step stand for: outputs of steps, variables, blocks, the environment.

    What no step came to is left as it is written. An empty text stands for a variable that is not set.
    """

    def fill(name: str) -> object:
        reference = parse_reference(name)
        if reference is None:
            value = look_into(outputs, name)
            return KEPT if value is MISSING else value
        value = references.look_up(reference)
        return "" if value is MISSING else value

    return fill


def find_function(name: str, requires: object = None) -> Callable[..., Any]:
    """The function that a step's name means.

    Args:
        name: Its dotted path; a name of the contract's own steps means ours.
        requires: The distribution that has it, or several, installed if its module is not there.

    Raises:
        StepExecutionError: There is no such function, or the distribution cannot be installed.
    """
    if name in OURS:
        return load(OURS[name])
    module_name, _, attribute = name.rpartition(".")
    if not module_name:
        message = f"a step is named by its function's module and name, as package.module.{name}"
        raise StepExecutionError(message)
    try:
        module = importlib.import_module(module_name)
    except ModuleNotFoundError as error:
        if not requires:
            message = (
                f"there is no module {error.name!r}; say which distribution has it with `requires`"
            )
            raise StepExecutionError(message) from None
        for requirement in requires if isinstance(requires, list) else [requires]:  # pyright: ignore[reportUnknownVariableType]  # out of a file
            install(str(requirement))  # pyright: ignore[reportUnknownArgumentType]  # as above
        importlib.invalidate_caches()
        module = importlib.import_module(module_name)
    function = getattr(module, attribute, None)
    if not callable(function):
        message = f"the module {module_name} has no function {attribute!r}"
        raise StepExecutionError(message)
    return function


def _open(step: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    """A step's name and what stands below it."""
    if len(step) != 1:
        message = (
            f"a step is one function's name with its arguments below it; this one has the keys "
            f"{', '.join(map(str, step)) or 'none'}: indent the arguments under the name"
        )
        raise StepExecutionError(message)
    name, inputs = next(iter(step.items()))
    if inputs is None:
        return name, {}
    if not isinstance(inputs, Mapping):
        message = f"the arguments of the step {name} are no mapping: {inputs!r}"
        raise StepExecutionError(message)
    return name, dict(cast("Mapping[str, Any]", inputs))
