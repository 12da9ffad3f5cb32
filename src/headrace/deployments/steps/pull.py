"""Steps that bring a deployment's code to where its run is."""

import inspect
import os
from pathlib import Path
from typing import Any

from headrace.blocks.core import Block
from headrace.errors import StepExecutionError
from headrace.sources.bundles import fetch_bundle
from headrace.sources.git import git_clone
from headrace.sources.storages import BlockStorageAdapter, RemoteStorage

__all__ = [
    "fetch_bundle",
    "git_clone",
    "pull_from_remote_storage",
    "pull_with_block",
    "set_working_directory",
]


def set_working_directory(directory: str) -> dict[str, str]:
    """Make a directory of this machine the working directory.

    Raises:
        StepExecutionError: It is none.
    """
    try:
        os.chdir(Path(directory).expanduser())
    except OSError as error:
        message = f"{directory} cannot be made the working directory: {error.strerror}"
        raise StepExecutionError(message) from error
    return {"directory": str(Path.cwd())}


def pull_from_remote_storage(url: str, **settings: Any) -> dict[str, Any]:
    """Bring what lies under an address of object storage into a directory of the working directory.

    Args:
        url: As `s3://bucket/path`.
        settings: Of the fsspec file system.

    Returns:
        `directory`: where the code is.

    Raises:
        CodeUnavailable: It cannot be had.
    """
    storage = RemoteStorage(url, **settings)
    storage.pull_code()
    return {"directory": str(storage.destination)}


async def pull_with_block(block_document_name: str, block_type_slug: str) -> dict[str, Any]:
    """Bring code with a block that can fetch a directory.

    Args:
        block_document_name: The block's name.
        block_type_slug: Its type's.

    Returns:
        `directory`: where the code is.

    Raises:
        ConfigurationError: The block cannot fetch a directory.
        HeadraceError: There is no such block, or it fails.
    """
    block = Block.load(f"{block_type_slug}/{block_document_name}")
    storage = BlockStorageAdapter(await block if inspect.isawaitable(block) else block)
    pulled = storage.pull_code()
    if inspect.isawaitable(pulled):
        await pulled
    return {"directory": str(storage.destination)}
