"""Every error class, each with a stable code.

A message says what was wrong, with which value, and what to do. `server.api.errors` maps codes to
HTTP statuses, and the client maps an answer back to the same class.
"""

from typing import cast


class HeadraceError(Exception):
    """Root of all errors raised on purpose."""

    code = "error"


# Requests and objects


class ValidationFailed(HeadraceError):
    """A body, parameter or setting is not of the form it must have.

    Args:
        errors: One mapping per bad field: `loc` (path), `msg`, `type` and, where known, `input`.
    """

    code = "validation_failed"

    def __init__(self, errors: list[dict[str, object]]) -> None:
        self.errors = errors
        super().__init__("; ".join(f"{_path(e.get('loc'))}: {e.get('msg')}" for e in errors))


def _path(loc: object) -> str:
    if isinstance(loc, list | tuple):
        return ".".join(str(part) for part in cast("list[object]", loc))
    return str(loc or "")


class Unprocessable(HeadraceError):
    """The request is well-formed, and asks for what cannot be: a limit beyond the bound, say."""

    code = "unprocessable"


class ObjectNotFound(HeadraceError):
    """No object has this id or name."""

    code = "not_found"


class ObjectAlreadyExists(HeadraceError):
    """Another object has this unique name or key."""

    code = "already_exists"


class Conflict(HeadraceError):
    """The object's present state does not allow this."""

    code = "conflict"


class SlotsTaken(HeadraceError):
    """A concurrency limit has no room now.

    Args:
        message: Which.
        retry_after: Seconds after which there may be; None where waiting does not help.
    """

    code = "slots_taken"

    def __init__(self, message: str, retry_after: float | None = None) -> None:
        self.retry_after = retry_after
        super().__init__(message)


class LeaseGone(HeadraceError):
    """The lease is over: its slots are free, or somebody else's."""

    code = "lease_gone"


class BadRequest(HeadraceError):
    """The request contradicts what it is about."""

    code = "bad_request"


class SecretsUnreadable(HeadraceError):
    """The key that stored secrets are encrypted with is not there, or cannot be made."""

    code = "secrets_unreadable"


class Unauthorized(HeadraceError):
    """The credentials are missing or wrong."""

    code = "unauthorized"


class Forbidden(HeadraceError):
    """The request's Host or Origin is not one this server answers, or it is protected."""

    code = "forbidden"


class NotImplementedYet(HeadraceError):
    """The contract has this and this version does not."""

    code = "not_implemented"


# The store


class StoreError(HeadraceError):
    """Root of what the database can refuse."""

    code = "store"


class StaleWrite(StoreError):
    """The row changed since it was read, or the writer's lease is no longer the newest."""

    code = "stale_write"


class UniqueViolation(StoreError):
    """A row with this key exists."""

    code = "unique_violation"


class ForeignKeyViolation(StoreError):
    """The row that this one belongs to does not exist."""

    code = "foreign_key_violation"


class DatabaseReadOnly(StoreError):
    """The database can be read and not written."""

    code = "database_read_only"


class DatabaseFull(StoreError):
    """The disk under the database is full."""

    code = "database_full"


class DatabaseUnavailable(StoreError):
    """The database does not answer."""

    code = "database_unavailable"


class DatabaseNotOurs(StoreError):
    """The file or schema belongs to another program, or to a newer version. It is left untouched."""

    code = "database_not_ours"


class DatabaseInUse(StoreError):
    """Another server process owns this SQLite database.

    Args:
        address: URL at which the other one answers, where it has said so.
    """

    code = "database_in_use"

    def __init__(self, message: str, *, address: str | None = None) -> None:
        self.address = address
        super().__init__(message)


class TooBusy(StoreError):
    """The queue of writes is at its bound; the caller should come back in a moment."""

    code = "too_busy"


# Configuration


class InvalidSetting(HeadraceError):
    """A setting's value cannot be read as what the setting is, or a profile is not there."""

    code = "invalid_setting"


# The client's side of the wire


class ServerUnreachable(HeadraceError):
    """No server answers at the address; the request had no effect, or its effect is not known."""

    code = "server_unreachable"


class RequestTimedOut(ServerUnreachable):
    """The server took the request and did not answer in time: its effect is not known."""

    code = "request_timed_out"


class ServerFault(HeadraceError):
    """The server failed on a request that it should have been able to answer."""

    code = "server_fault"


class UnexpectedAnswer(HeadraceError):
    """What answered is not the API, or an answer has not the form it must have."""

    code = "unexpected_answer"


# Infrastructure


class InfrastructureError(HeadraceError):
    """A job could not be launched, watched or stopped, for good: trying again changes nothing."""

    code = "infrastructure"


class InfrastructureUnavailable(InfrastructureError):
    """The same, for now: the infrastructure may take the job in a moment."""

    code = "infrastructure_unavailable"


class WorkerTypeMismatch(HeadraceError):
    """A worker of one type was pointed at a work pool of another."""

    code = "worker_type_mismatch"


class WorkerAlreadyRunning(HeadraceError):
    """Another live process works under this worker name on this machine."""

    code = "worker_already_running"


# Runs: what the SDK raises


class ConfigurationError(HeadraceError):
    """A setting or an option does not make sense here."""

    code = "configuration"


class SerializationError(HeadraceError):
    """A value cannot be written as JSON or by the serializer in use."""

    code = "serialization"


class HashError(HeadraceError):
    """A value cannot be hashed, so no cache key can be made from it."""

    code = "hash"


class ScriptError(HeadraceError):
    """A file that should define a flow raised while it was loaded."""

    code = "script"

    def __init__(self, user_exc: BaseException, path: str) -> None:
        self.user_exc = user_exc
        self.path = path
        super().__init__(f"{path} raised {type(user_exc).__name__} while it was loaded: {user_exc}")


class CommandFailed(HeadraceError):
    """A shell command ended with an exit code other than 0."""

    code = "command_failed"


class CodeUnavailable(HeadraceError):
    """The code of a deployment cannot be brought to this machine, or not be packed on it."""

    code = "code_unavailable"


class ImageFailed(InfrastructureError):
    """An image could not be built or pushed."""

    code = "image_failed"


class MissingFlowError(HeadraceError):
    """A file or module holds no flow of this name."""

    code = "missing_flow"


class MissingTaskError(HeadraceError):
    """A file or module holds no task of this name."""

    code = "missing_task"


class UnspecifiedFlowError(HeadraceError):
    """A file or module holds several flows and none was named."""

    code = "unspecified_flow"


class StepExecutionError(HeadraceError):
    """A build, push or pull step of a deployment cannot be run, or failed."""

    code = "step_execution"


class InvalidNameError(HeadraceError, ValueError):
    """A name has a character that names may not have."""

    code = "invalid_name"


class ReservedArgumentError(HeadraceError, TypeError):
    """A function has a parameter whose name the engine needs for itself."""

    code = "reserved_argument"


class ParameterTypeError(HeadraceError):
    """A parameter's value is not of the type that the function asks for."""

    code = "parameter_type"


class ParameterBindError(HeadraceError, TypeError):
    """The arguments of a call do not fit the function's signature."""

    code = "parameter_bind"


class SignatureMismatchError(HeadraceError, TypeError):
    """A run was given parameters that the function does not have."""

    code = "signature_mismatch"


class MappingLengthMismatch(HeadraceError):
    """The sequences given to `map` have different lengths."""

    code = "mapping_length"


class MappingMissingIterable(HeadraceError):
    """`map` was given no sequence to map over."""

    code = "mapping_iterable"


class MissingContextError(HeadraceError, RuntimeError):
    """This can only be asked inside a run."""

    code = "missing_context"


class MissingResult(HeadraceError):
    """The run's result was not kept, so it cannot be read."""

    code = "missing_result"


class UnfinishedRun(HeadraceError):
    """The run has not reached a final state, so it has no result."""

    code = "unfinished_run"


class FailedRun(HeadraceError):
    """The run ended in a Failed state."""

    code = "failed_run"


class CrashedRun(HeadraceError):
    """The run ended in a Crashed state."""

    code = "crashed_run"


class CancelledRun(HeadraceError):
    """The run was cancelled."""

    code = "cancelled_run"


class PausedRun(HeadraceError):
    """The run is paused. `state` is the paused state."""

    code = "paused_run"

    def __init__(self, *args: object, state: object = None) -> None:
        super().__init__(*args)
        self.state = state


class UpstreamTaskError(HeadraceError):
    """A task that this one waits for did not complete."""

    code = "upstream_task"


class NotPausedError(HeadraceError):
    """The run is not paused, so it cannot be resumed."""

    code = "not_paused"


class FlowPauseTimeout(HeadraceError):
    """Nobody resumed the run in time."""

    code = "pause_timeout"


class ConcurrencySlotAcquisitionError(HeadraceError):
    """No slot of a concurrency limit could be had: none is free, or the limit does not allow it."""

    code = "slot_acquisition"


class AcquireConcurrencySlotTimeoutError(HeadraceError, TimeoutError):
    """No slot of a concurrency limit came free in the time that the caller wanted to wait."""

    code = "slot_acquisition_timeout"


class ConcurrencyLeaseLost(HeadraceError):
    """Slots of a concurrency limit were lost while they were used: their lease was not renewed."""

    code = "slots_lost"


class FlowRunWaitTimeout(HeadraceError):
    """The run did not finish in the time that the caller wanted to wait."""

    code = "wait_timeout"


# Signals: they end a run's code without being an error of that code, so `except Exception` in a flow
# must not swallow them


class HeadraceSignal(BaseException):
    """Root of what the engine raises to stop a run's code."""


class Abort(HeadraceSignal):
    """The server says that this process must not go on with the run."""


class Pause(HeadraceSignal):
    """The run is suspended: its process ends, and another goes on later. `state` says how."""

    def __init__(self, *args: object, state: object = None) -> None:
        super().__init__(*args)
        self.state = state


class ExternalSignal(BaseException):
    """Root of what comes from outside of the process."""


class TerminationSignal(ExternalSignal):
    """The operating system asked the process to end, by signal number `signal`."""

    def __init__(self, signal: int) -> None:
        super().__init__(f"signal {signal}")
        self.signal = signal
