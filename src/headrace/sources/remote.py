"""Code in object storage and whatever else an fsspec address names: S3, GCS, Azure Blob and the like."""

import hashlib
import json
import shutil
import time
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import urlsplit

from pathspec import GitIgnoreSpec

from headrace._bindings import load
from headrace.errors import CodeUnavailable
from headrace.sources.packing import find_files
from headrace.sources.trees import discard, shared_tree

_NEEDED = {
    "s3": "s3fs",
    "s3a": "s3fs",
    "gs": "gcsfs",
    "gcs": "gcsfs",
    "az": "adlfs",
    "abfs": "adlfs",
    "abfss": "adlfs",
}
_EXTRAS = {"s3fs": "aws", "gcsfs": "gcp", "adlfs": "azure"}
# What tells one version of an object from another, as the different storages call it.
_VERSIONS = (
    "ETag",
    "etag",
    "md5Hash",
    "content_md5",
    "generation",
    "mtime",
    "LastModified",
    "updated",
)


def needed_distribution(url: str) -> str | None:
    """The distribution that speaks an address's protocol; None where fsspec itself does."""
    return _NEEDED.get(urlsplit(url).scheme)


def local_name(url: str) -> str:
    """Where an address's files go, relative to the working directory: its bucket and path."""
    parts = urlsplit(url)
    name = "/".join(part for part in (parts.netloc, parts.path.strip("/")) if part)
    if ".." in PurePosixPath(name).parts or not name:
        message = f"{url!r} names no directory of object storage: write it as s3://bucket/path"
        raise CodeUnavailable(message)
    return name


def download_directory(url: str, local_directory: str | Path, **settings: Any) -> None:
    """Have a directory hold what lies under an address; what it had before is replaced file by file.

    Objects are fetched once for all runs on this machine, as long as they stay as they are.

    Args:
        url: As `s3://bucket/path`.
        local_directory: Made where it is missing.
        settings: Of the fsspec file system: keys, endpoints.

    Raises:
        CodeUnavailable: The storage refuses, does not answer, or has nothing there.
    """
    storage = _Storage(url, settings)
    objects = storage.objects()
    if not objects:
        message = f"there is nothing under {url}"
        raise CodeUnavailable(message)
    content = json.dumps([url, sorted(objects.items())])
    key = f"remote-{hashlib.sha256(content.encode()).hexdigest()[:40]}"
    tree = shared_tree(key, lambda place: storage.fetch(objects, place))
    shutil.copytree(tree, local_directory, symlinks=True, dirs_exist_ok=True)


def replace_directory(url: str, place: Path, **settings: Any) -> None:
    """The same, with nothing left of what a directory had before."""
    aside = place.with_name(f".{place.name}.{time.monotonic_ns()}")
    aside.parent.mkdir(parents=True, exist_ok=True)
    download_directory(url, aside, **settings)
    discard(place)
    aside.replace(place)


def upload_directory(
    url: str, local_directory: str | Path, ignore_file: str | None = None, **settings: Any
) -> int:
    """Put a directory's files under an address; how many.

    Args:
        url: As `s3://bucket/path`.
        local_directory: What to put there.
        ignore_file: A file whose lines say what to leave out, relative to the directory.
        settings: As for `download_directory`.

    Raises:
        CodeUnavailable: The storage refuses or does not answer.
    """
    root = Path(local_directory).resolve()
    storage = _Storage(url, settings)
    count = 0
    for file in _uploaded(root, ignore_file):
        storage.put(file, file.relative_to(root).as_posix())
        count += 1
    return count


def _uploaded(root: Path, ignore_file: str | None) -> Iterator[Path]:
    """The files of a directory, less what its one ignore file names: what the contract's steps take."""
    given = root / ignore_file if ignore_file else None
    lines = given.read_text("utf-8").splitlines() if given and given.is_file() else []
    spec = GitIgnoreSpec.from_lines(lines)
    for file in find_files(root):
        if not spec.match_file(file.relative_to(root).as_posix()):
            yield file


class _Storage:
    """What an address names, through fsspec. Its own errors become ours, without the settings."""

    def __init__(self, url: str, settings: Mapping[str, Any]) -> None:
        self._url = url
        try:
            # kept by nobody else: its credentials and its event loop end with this use
            self._files, self._root = load("fsspec.core:url_to_fs")(
                url, **{"skip_instance_cache": True, **settings}
            )
        except ImportError as error:
            needed = needed_distribution(url)
            message = (
                f"{url} needs the distribution {needed or error.name}, which is not installed here"
            )
            if needed:
                message += f": pip install 'headrace[{_EXTRAS[needed]}]'"
            raise CodeUnavailable(message) from error
        except Exception as error:
            raise self._failure("opened", error) from error
        self._root = self._root.rstrip("/")

    def objects(self) -> dict[str, str]:
        """What lies there: names relative to the address, and what tells their version."""
        try:
            found: dict[str, dict[str, Any]] = self._files.find(self._root, detail=True)
        except FileNotFoundError:
            return {}
        except Exception as error:
            raise self._failure("listed", error) from error
        return {
            self._relative(name): json.dumps(
                [info.get("size"), *(str(info.get(key)) for key in _VERSIONS if info.get(key))]
            )
            for name, info in found.items()
            if info.get("type") != "directory" and not name.endswith("/")
        }

    def _relative(self, name: str) -> str:
        relative = name.removeprefix(self._root).lstrip("/") or PurePosixPath(name).name
        if ".." in PurePosixPath(relative).parts:
            message = f"{self._url} has an object named {name!r}, which would come to lie outside"
            raise CodeUnavailable(message)
        return relative

    def fetch(self, objects: Mapping[str, str], place: Path) -> None:
        """Bring objects into a directory."""
        for name in objects:
            target = place / name
            target.parent.mkdir(parents=True, exist_ok=True)
            try:
                self._files.get_file(f"{self._root}/{name}", str(target))
            except Exception as error:
                raise self._failure(f"read ({name})", error) from error

    def put(self, file: Path, name: str) -> None:
        """Put one file there."""
        target = f"{self._root}/{name}"
        try:
            self._files.makedirs(target.rpartition("/")[0], exist_ok=True)
            self._files.put_file(str(file), target)
        except Exception as error:
            raise self._failure(f"written ({name})", error) from error

    def _failure(self, what: str, error: Exception) -> CodeUnavailable:
        return CodeUnavailable(f"{self._url} cannot be {what}: {type(error).__name__}: {error}")
