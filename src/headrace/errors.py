"""Every error class, each with a stable code.

A message says what was wrong, with which value, and what to do. `server.api.errors` maps codes to
HTTP statuses, and the client maps an answer back to the same class.
"""


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
    return ".".join(str(part) for part in loc) if isinstance(loc, list | tuple) else str(loc or "")


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
