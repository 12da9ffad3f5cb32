"""The flow that a deployment runs, as its code says."""

import inspect
from dataclasses import dataclass
from typing import Any

from headrace.core.sdks import Sdk
from headrace.deployments.parameter_schema import describe_parameters
from headrace.engine.entrypoints import load_flow


@dataclass(frozen=True, slots=True)
class Code:
    """What a flow's code tells a deployment.

    Args:
        name: Of the flow.
        description: Of the flow.
        version: Of the flow.
        parameter_schema: Of its parameters.
        sdk: Which SDK the flow is made with, and so which engine runs it.
    """

    name: str
    description: str | None
    version: str | None
    parameter_schema: dict[str, Any]
    sdk: Sdk


def read_code(entrypoint: str) -> Code:
    """Load the flow at an entrypoint, of either SDK.

    Raises:
        MissingFlowError: It is not there.
        UnspecifiedFlowError: No name was given, and there are several.
        ScriptError: Its file raised while it was loaded.
    """
    loaded = load_flow(entrypoint)
    # A flow of the other SDK is a callable like any other, and was made a flow of ours.
    inner = loaded.__wrapped__
    is_foreign = type(inner).__module__.partition(".")[0] == Sdk.PREFECT
    flow = inner if is_foreign else loaded
    description = flow.description
    return Code(
        name=flow.name,
        description=inspect.cleandoc(description) if description else None,
        version=flow.version,
        parameter_schema=describe_parameters(flow.fn),
        sdk=Sdk.PREFECT if is_foreign else Sdk.HEADRACE,
    )
