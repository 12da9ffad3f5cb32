"""The public names of errors and signals: `headrace.exceptions`. They are defined in `errors`."""

import traceback

from headrace.errors import (
    Abort,
    CancelledRun,
    ConfigurationError,
    CrashedRun,
    ExternalSignal,
    FailedRun,
    FlowPauseTimeout,
    FlowRunWaitTimeout,
    HashError,
    HeadraceError,
    HeadraceSignal,
    InfrastructureError,
    InfrastructureUnavailable,
    InvalidNameError,
    MappingLengthMismatch,
    MappingMissingIterable,
    MissingContextError,
    MissingFlowError,
    MissingResult,
    NotPausedError,
    ObjectAlreadyExists,
    ObjectNotFound,
    ParameterBindError,
    ParameterTypeError,
    Pause,
    PausedRun,
    ReservedArgumentError,
    ScriptError,
    SerializationError,
    SignatureMismatchError,
    TerminationSignal,
    UnfinishedRun,
    UnspecifiedFlowError,
    UpstreamTaskError,
)

HeadraceException = HeadraceError
InfrastructureNotAvailable = InfrastructureUnavailable

__all__ = [
    "Abort",
    "CancelledRun",
    "ConfigurationError",
    "CrashedRun",
    "ExternalSignal",
    "FailedRun",
    "FlowPauseTimeout",
    "FlowRunWaitTimeout",
    "HashError",
    "HeadraceError",
    "HeadraceException",
    "HeadraceSignal",
    "InfrastructureError",
    "InfrastructureNotAvailable",
    "InfrastructureUnavailable",
    "InvalidNameError",
    "MappingLengthMismatch",
    "MappingMissingIterable",
    "MissingContextError",
    "MissingFlowError",
    "MissingResult",
    "NotPausedError",
    "ObjectAlreadyExists",
    "ObjectNotFound",
    "ParameterBindError",
    "ParameterTypeError",
    "Pause",
    "PausedRun",
    "ReservedArgumentError",
    "ScriptError",
    "SerializationError",
    "SignatureMismatchError",
    "TerminationSignal",
    "UnfinishedRun",
    "UnspecifiedFlowError",
    "UpstreamTaskError",
    "exception_traceback",
]


def exception_traceback(exc: BaseException) -> str:
    """The traceback of an error as text."""
    return "".join(traceback.format_exception(exc))
