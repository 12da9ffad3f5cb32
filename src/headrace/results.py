"""Results kept in files, so that another process, or the next attempt, can read them.

One file a key under `HEADRACE_HOME/storage`. A file is written aside and renamed, so a reader sees a
whole result or none.
"""

import os
import pickle
import time
from pathlib import Path
from typing import Any, NamedTuple

import headrace
from headrace._bindings import HEAVY, load
from headrace.errors import MissingResult, SerializationError
from headrace.settings import settings


class ResultMetadata(NamedTuple):
    """Where a result lies: what a state carries instead of the value."""

    storage_key: str
    """An absolute path."""
    expiration: float | None = None
    """Seconds since the epoch after which the result counts as gone."""
    serializer: str = "pickle"

    def as_wire(self) -> dict[str, Any]:
        """The JSON that a state's `data` holds."""
        return {
            "storage_key": self.storage_key,
            "expiration": self.expiration,
            "serializer": {"type": self.serializer},
            "headrace_version": headrace.__version__,
            "storage_block_id": None,
        }

    @classmethod
    def from_wire(cls, data: Any) -> "ResultMetadata | None":
        """The metadata in a state's `data`, or None where there is none."""
        if data.__class__ is not dict or "storage_key" not in data:
            return None
        serializer: dict[str, Any] = data.get("serializer") or {}
        return cls(
            storage_key=str(data["storage_key"]),
            expiration=data.get("expiration"),
            serializer=str(serializer.get("type", "pickle")),
        )


def storage_directory() -> Path:
    """Where results lie."""
    return settings().home / "storage"


def find_result(key: str) -> ResultMetadata | None:
    """The metadata of the result under this key, or None where there is none or it has expired."""
    path = storage_directory() / key
    if not path.is_file():
        return None
    record = _load(path)
    return None if _expired(record) else ResultMetadata(str(path), record["expiration"])


def write_result(key: str, value: Any, expiration: float | None = None) -> ResultMetadata:
    """Keep a value under a key.

    Args:
        key: A file name.
        value: Anything cloudpickle can write.
        expiration: Seconds since the epoch after which it counts as gone.

    Raises:
        SerializationError: The value cannot be pickled.
    """
    path = storage_directory() / key
    path.parent.mkdir(parents=True, exist_ok=True)
    record = {"value": _dump(value), "expiration": expiration}
    aside = path.with_name(f".{path.name}.{os.getpid()}.{time.monotonic_ns()}")
    aside.write_bytes(pickle.dumps(record))
    aside.replace(path)
    return ResultMetadata(str(path), expiration)


def read_result(metadata: ResultMetadata) -> Any:
    """The value that was kept.

    Raises:
        MissingResult: The file is gone or has expired.
    """
    record = _load(Path(metadata.storage_key))
    if _expired(record):
        message = f"The result at {metadata.storage_key} has expired."
        raise MissingResult(message)
    return pickle.loads(record["value"])  # noqa: S301  # this user's own results


def _dump(value: Any) -> bytes:
    """By cloudpickle, which writes what was defined in `__main__` by value."""
    try:
        return load(HEAVY["cloudpickle.dumps"])(value)
    except Exception as error:
        message = f"A result of type {type(value).__name__} cannot be stored: {error}"
        raise SerializationError(message) from error


def _load(path: Path) -> dict[str, Any]:
    try:
        return pickle.loads(path.read_bytes())  # noqa: S301  # this user's own results
    except FileNotFoundError:
        message = f"No result lies at {path}; it was deleted, or stored on another machine."
        raise MissingResult(message) from None


def _expired(record: dict[str, Any]) -> bool:
    return record["expiration"] is not None and record["expiration"] <= time.time()
