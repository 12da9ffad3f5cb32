"""Storages: where a deployment's code is kept, and the pull step that brings it to its runs."""

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol, TypedDict, cast, runtime_checkable
from urllib.parse import urlsplit
from urllib.request import url2pathname

from headrace.errors import ConfigurationError
from headrace.sources.git import Revision, check_out, directory_name, read_login
from headrace.sources.git_program import split_login
from headrace.sources.remote import local_name, needed_distribution, replace_directory

GIT_CLONE = "prefect.deployments.steps.git_clone"
SET_DIRECTORY = "prefect.deployments.steps.set_working_directory"
PULL_REMOTE = "prefect.deployments.steps.pull_from_remote_storage"
PULL_BLOCK = "prefect.deployments.steps.pull_with_block"

PULL_SECONDS = 60  # between two looks at a source that is served, for what asks for an interval

_SCP = re.compile(r"[\w.+-]+@[\w.-]+:(?!//)\S+")  # user@host:path, as ssh has it


@runtime_checkable
class RunnerStorage(Protocol):
    """What a storage can do."""

    def set_base_path(self, path: Path) -> None:
        """Let code come to lie below this directory."""
        ...

    @property
    def pull_interval(self) -> int | None:
        """Seconds between two looks at the source; None where it does not change."""
        ...

    @property
    def destination(self) -> Path:
        """The directory that has the code once it is pulled."""
        ...

    def pull_code(self) -> Any:
        """Bring the code as it is now; something to await, or nothing."""
        ...

    def to_pull_step(self) -> dict[str, Any] | list[dict[str, Any]]:
        """What brings the code to a run."""
        ...


class GitCredentials(TypedDict, total=False):
    """For a private repository; the token may be a `Secret` block."""

    username: str
    access_token: Any


class _Fetched:
    """Code that is brought from elsewhere, to a place below a directory."""

    def __init__(self, pull_interval: int | None) -> None:
        self._base = Path.cwd()
        self._interval = pull_interval

    @property
    def _place(self) -> str:
        """Where below the directory."""
        raise NotImplementedError

    @property
    def pull_interval(self) -> int | None:
        """Seconds between two looks."""
        return self._interval

    @property
    def destination(self) -> Path:
        """Where the code is once it is pulled."""
        return self._base / self._place

    def set_base_path(self, path: Path) -> None:
        """Let the code come to lie below this directory."""
        self._base = Path(path)


class GitRepository(_Fetched):
    """Code in a git repository.

    Args:
        url: Its address: https, ssh or a file's.
        credentials: A mapping or block with a token or password, and maybe a user name.
        name: Of the directory; made of the repository and branch when not given.
        branch: A branch or tag; the repository's own default when not given.
        commit_sha: A commit, instead of a branch.
        include_submodules: Whether its sub-modules are wanted.
        pull_interval: Seconds; accepted for the contract: each run looks for itself.
        directories: Only these directories of it.

    Raises:
        ConfigurationError: The arguments exclude each other, or the credentials have no token.
    """

    def __init__(  # noqa: PLR0917  # the contract's signature
        self,
        url: str,
        credentials: Any = None,
        name: str | None = None,
        branch: str | None = None,
        commit_sha: str | None = None,
        include_submodules: bool = False,
        pull_interval: int | None = PULL_SECONDS,
        directories: list[str] | None = None,
    ) -> None:
        super().__init__(pull_interval)
        if branch and commit_sha:
            message = f"name a branch ({branch}) or a commit ({commit_sha}), not both"
            raise ConfigurationError(message)
        if credentials is not None:
            read_login(url, credentials)
        self._url, self._login = split_login(url)
        self._credentials = credentials
        self._name = name
        self._directories = list(directories or ())
        self._revision = Revision(
            self._url, branch, commit_sha, include_submodules, tuple(self._directories)
        )

    @property
    def _place(self) -> str:
        return self._name or directory_name(self._url, self._revision.branch)

    def pull_code(self) -> None:
        """Bring the code as it is in the repository now.

        Raises:
            CodeUnavailable: It cannot be had, or the directory has something else in it.
        """
        login = read_login(self._url, self._credentials) or self._login
        self._base.mkdir(parents=True, exist_ok=True)
        check_out(self._revision, login, self.destination)

    def to_pull_step(self) -> dict[str, Any]:
        """The step that brings the code to a run.

        Raises:
            ConfigurationError: The credentials would have to be stored as they are.
        """
        if self._login is not None:
            message = (
                f"the address of {self._url} has credentials in it, which would be stored with the "
                "deployment for all to read: save the token as a Secret block and give "
                'credentials={"access_token": Secret.load(NAME)}'
            )
            raise ConfigurationError(message)
        inputs: dict[str, Any] = {"repository": self._url, "branch": self._revision.branch}
        if self._name:
            inputs["clone_directory_name"] = self._name
        if self._revision.commit:
            inputs["commit_sha"] = self._revision.commit
        if self._directories:
            inputs["directories"] = self._directories
        if self._revision.submodules:
            inputs["include_submodules"] = True
        if self._credentials is not None:
            inputs["credentials"] = _referred(self._credentials)
        return {GIT_CLONE: inputs}

    def __repr__(self) -> str:
        parts = [f"repository={self._url!r}", f"name={self.destination.name!r}"]
        if self._revision.branch:
            parts.append(f"branch={self._revision.branch!r}")
        if self._revision.commit:
            parts.append(f"commit_sha={self._revision.commit!r}")
        return f"GitRepository({', '.join(parts)})"


def _referred(credentials: Any) -> Any:
    """Credentials as a step may hold them: by reference to the blocks that keep them."""
    if not isinstance(credentials, Mapping):
        if hasattr(credentials, "get_block_placeholder"):
            return credentials.get_block_placeholder()
        return _refused()
    given = cast("Mapping[str, Any]", credentials)
    return {
        name: value if name == "username" else _placeholder(value)
        for name, value in given.items()
        if value is not None
    }


def _placeholder(value: Any) -> str:
    return value.get_block_placeholder() if hasattr(value, "get_block_placeholder") else _refused()


def _refused() -> str:
    message = (
        "an access token cannot be stored with a deployment, where all may read it: save it as a Secret "
        "block and give credentials={'access_token': Secret.load(NAME)}"
    )
    raise ConfigurationError(message)


class RemoteStorage(_Fetched):
    """Code in object storage, or whatever else fsspec has an address for.

    Args:
        url: As `s3://bucket/path`, `gs://…`, `az://…`.
        pull_interval: Seconds; accepted for the contract: each run looks for itself.
        settings: Of the fsspec file system. Values may be `Secret` blocks.

    Raises:
        CodeUnavailable: The address names no directory.
    """

    def __init__(self, url: str, pull_interval: int | None = PULL_SECONDS, **settings: Any) -> None:
        super().__init__(pull_interval)
        self._url = url
        self._settings = settings
        local_name(url)  # refuses one that names no directory

    @property
    def _place(self) -> str:
        return local_name(self._url)

    def pull_code(self) -> None:
        """Bring the code as it is in the storage now. Raises `CodeUnavailable`."""
        settings = {name: _revealed(value) for name, value in self._settings.items()}
        replace_directory(self._url, self.destination, **settings)

    def to_pull_step(self) -> dict[str, Any]:
        """The step that brings the code to a run."""
        settings = {
            name: value.get_block_placeholder()
            if hasattr(value, "get_block_placeholder")
            else value
            for name, value in self._settings.items()
        }
        inputs: dict[str, Any] = {"url": self._url, **settings}
        needed = needed_distribution(self._url)
        return {PULL_REMOTE: {**inputs, "requires": needed} if needed else inputs}

    def __repr__(self) -> str:
        return f"RemoteStorage(url={self._url!r})"


def _revealed(value: Any) -> Any:
    return value.get() if hasattr(value, "get_block_placeholder") else value


class LocalStorage:
    """Code in a directory of the machine that runs it.

    Args:
        path: The directory.
        pull_interval: Accepted for the contract: there is nothing to be pulled.
    """

    def __init__(self, path: str | os.PathLike[str], pull_interval: int | None = None) -> None:
        self._path = Path(path).expanduser().resolve()
        self._interval = pull_interval

    @property
    def pull_interval(self) -> int | None:
        """Seconds between two looks."""
        return self._interval

    @property
    def destination(self) -> Path:
        """Where the code is."""
        return self._path

    def set_base_path(self, path: Path) -> None:
        """Nothing: the code stays where it is."""

    def pull_code(self) -> None:
        """Nothing, either."""

    def to_pull_step(self) -> dict[str, Any]:
        """The step that brings a run to the code."""
        return {SET_DIRECTORY: {"directory": str(self._path)}}

    def __repr__(self) -> str:
        return f"LocalStorage(path={str(self._path)!r})"


class BlockStorageAdapter(_Fetched):
    """Code that a block fetches: one that has `get_directory`.

    Args:
        block: The block.
        pull_interval: Seconds; accepted for the contract: each run looks for itself.

    Raises:
        ConfigurationError: The block cannot fetch a directory.
    """

    def __init__(self, block: Any, pull_interval: int | None = PULL_SECONDS) -> None:
        super().__init__(pull_interval)
        if not hasattr(block, "get_directory"):
            message = f"{type(block).__name__} cannot fetch a directory: it has no `get_directory`"
            raise ConfigurationError(message)
        self._block = block
        self._interval = pull_interval
        self._base = Path.cwd()

    @property
    def _place(self) -> str:
        name = self._block.document_name or "unsaved"
        return f"{self._block.get_block_type_slug()}-{name}"

    def pull_code(self) -> Any:
        """Bring the code as the block has it now; something to await where the block's method is."""
        self.destination.mkdir(parents=True, exist_ok=True)
        return self._block.get_directory(local_path=str(self.destination))

    def to_pull_step(self) -> dict[str, Any]:
        """The step that brings the code to a run.

        Raises:
            ConfigurationError: The block is not saved, so no step can name it.
        """
        own = getattr(self._block, "get_pull_step", None)  # some blocks know better themselves
        if own is not None:
            return own()
        if self._block.document_name is None:
            message = f"save the {type(self._block).__name__} block first: runs load it by its name"
            raise ConfigurationError(message)
        inputs = {
            "block_type_slug": self._block.get_block_type_slug(),
            "block_document_name": self._block.document_name,
        }
        return {PULL_BLOCK: inputs}


def create_storage_from_source(
    source: str, pull_interval: int | None = PULL_SECONDS
) -> RunnerStorage:
    """The storage that an address or path means.

    Args:
        source: A git address (`….git`, `git@host:path`, ssh), an fsspec address, or a directory.
        pull_interval: Of the storage.
    """
    parts = urlsplit(source)
    if _SCP.fullmatch(source) or parts.scheme in {"ssh", "git"}:
        return GitRepository(source, pull_interval=pull_interval)
    if parts.scheme in {"", "file"} or len(parts.scheme) == 1:  # one letter is a drive
        path = url2pathname(parts.path) if parts.scheme == "file" else source
        return LocalStorage(path, pull_interval)
    if parts.path.endswith(".git"):
        return GitRepository(source, pull_interval=pull_interval)
    return RemoteStorage(source, pull_interval)


def storage_of(source: Any) -> RunnerStorage:
    """The storage that is given: itself, a block, an address or a path.

    Raises:
        ConfigurationError: It is none of these.
    """
    if isinstance(source, RunnerStorage):
        return source
    if isinstance(source, Path):
        return LocalStorage(source)
    if isinstance(source, str):
        return create_storage_from_source(source)
    if hasattr(source, "get_directory"):
        return BlockStorageAdapter(source)
    message = (
        f"{source!r} is no source of code: give a path, an address (git or object storage), a storage as "
        "GitRepository(...), or a block that can fetch a directory"
    )
    raise ConfigurationError(message)
