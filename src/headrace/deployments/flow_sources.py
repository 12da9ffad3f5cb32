"""Flows whose code is somewhere else."""

import inspect
import tempfile
from pathlib import Path
from typing import Any

from headrace._bindings import HEAVY, load
from headrace.engine.entrypoints import load_flow
from headrace.errors import ConfigurationError
from headrace.sources.storages import LocalStorage, storage_of


def flow_from_source(source: Any, entrypoint: str) -> Any:
    """The flow at `entrypoint` in a source; it knows where it came from.

    Args:
        source: What `storage_of` takes.
        entrypoint: `path/file.py:name`, relative to the source, or `module:name`.

    Raises:
        CodeUnavailable: The code cannot be had.
        ConfigurationError: The source or the entrypoint makes no sense.
        MissingFlowError, UnspecifiedFlowError, ScriptError: As of `load_flow`.
    """
    if Path(entrypoint).is_absolute():
        message = (
            f"an entrypoint is relative to its source, as dir/file.py:flow; this is {entrypoint!r}"
        )
        raise ConfigurationError(message)
    storage = storage_of(source)
    if not isinstance(storage, LocalStorage):
        storage.set_base_path(Path(tempfile.mkdtemp(prefix="headrace-source-")))
    pulled = storage.pull_code()
    if inspect.isawaitable(pulled):
        load(HEAVY["asyncio"]).run(_awaited(pulled))
    place = entrypoint.partition(":")[0]
    is_file = place.endswith(".py")
    flow = load_flow(str(storage.destination / entrypoint) if is_file else entrypoint)
    flow.storage = storage
    flow.source_entrypoint = entrypoint
    return flow


async def _awaited(pulled: Any) -> Any:
    return await pulled
