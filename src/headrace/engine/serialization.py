"""Parameters as JSON values."""

import logging
from collections.abc import Mapping
from pathlib import PurePath
from typing import Any

import msgspec

_logger = logging.getLogger("headrace.engine")


def as_json_parameters(parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Parameters as the server stores them.

    A value that JSON has no form for (a data frame, a connection) is left out: it was given by a
    caller in this process and is of no use in another.
    """
    written: dict[str, Any] = {}
    for name, value in parameters.items():
        try:
            written[name] = msgspec.to_builtins(value, enc_hook=_builtin, str_keys=True)
        except (TypeError, ValueError, NotImplementedError, RecursionError) as error:
            _logger.debug("Parameter %r is not stored: %s", name, error)
    return written


def _builtin(value: Any) -> Any:
    dump = getattr(value, "model_dump", None)  # a pydantic model; pydantic itself may not be loaded
    if callable(dump):
        return dump(mode="json")
    if isinstance(value, PurePath):
        return str(value)
    message = f"{type(value).__name__} has no JSON form"
    raise NotImplementedError(message)
