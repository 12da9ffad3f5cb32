"""Uploading a project's code, once for each directory and content."""

from pathlib import Path

from headrace.client.bundles import keep_bundle, upload_bundle
from headrace.client.http import Client
from headrace.sources.bundles import FETCH_BUNDLE
from headrace.sources.packing import pack_directory


class Uploads:
    """What was uploaded in one go.

    Args:
        client: The API that keeps it.
    """

    def __init__(self, client: Client) -> None:
        self._client = client
        self._hashes: dict[Path, str] = {}

    def step_for(self, directory: str) -> dict[str, dict[str, str]]:
        """The pull step that brings a directory's code to a run; uploaded now if it is not there.

        Raises:
            CodeUnavailable: The directory cannot be packed.
            HeadraceError: The API refuses it, or does not answer.
        """
        root = Path(directory).resolve()
        if root not in self._hashes:
            bundle = pack_directory(root)
            if not keep_bundle(self._client, bundle.sha256):
                upload_bundle(self._client, bundle.sha256, bundle.content)
            self._hashes[root] = bundle.sha256
        return {FETCH_BUNDLE: {"sha256": self._hashes[root]}}
