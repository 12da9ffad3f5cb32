"""Fetching a bundle: code that was packed and uploaded when it was deployed."""

import re
from pathlib import Path

from headrace._bindings import HEAVY, load
from headrace.client.bundles import download_bundle
from headrace.client.default import default_client
from headrace.errors import CodeUnavailable
from headrace.sources.trees import freeze, shared_tree

FETCH_BUNDLE = "headrace.deployments.steps.fetch_bundle"
"""The pull step's name."""

_HASH = re.compile(r"[0-9a-f]{64}")


def fetch_bundle(sha256: str) -> dict[str, str]:
    """The directory of a bundle's code: fetched and unpacked once, then shared by all runs here.

    Args:
        sha256: The hash of its content, which names it.

    Returns:
        `directory`: where the code is. It cannot be written to.

    Raises:
        CodeUnavailable: What came is not the bundle.
        ObjectNotFound: The server does not have it (any more).
    """
    if not _HASH.fullmatch(sha256):
        message = f"{sha256!r} is not a bundle's hash, which is 64 digits of 0-9 and a-f"
        raise CodeUnavailable(message)
    return {"directory": str(shared_tree(f"bundle-{sha256}", lambda place: _fill(place, sha256)))}


def _fill(place: Path, sha256: str) -> None:
    content = download_bundle(default_client(), sha256)
    found = load(HEAVY["sha256"])(content).hexdigest()
    if found != sha256:
        message = f"bundle {sha256} came as something else (its hash is {found}); try again"
        raise CodeUnavailable(message)
    load(HEAVY["sources.archives"]).unpack(content, place)
    load(HEAVY["compile_dir"])(place, quiet=2)  # nothing can be added to it later
    freeze(place)
