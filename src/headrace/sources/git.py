"""Code from a git repository: a tree for each commit, and a directory of its own for each run."""

import hashlib
import json
import re
import shutil
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from headrace.errors import CodeUnavailable, ConfigurationError
from headrace.sources.git_mirror import Mirror
from headrace.sources.git_program import Login, run_git, split_login
from headrace.sources.scratch import needed_since
from headrace.sources.trees import discard, shared_tree

_MARK = "headrace-source"  # in the `.git` of what we made: the address that it is of
_TOKEN_NAMES = ("access_token", "token", "password", "value")


@dataclass(frozen=True, slots=True)
class Revision:
    """Which part of which repository.

    Args:
        url: The repository's address, without credentials.
        branch: A branch or tag; the default branch when neither is given.
        commit: A commit, instead.
        submodules: Whether its sub-modules are wanted.
        directories: Only these, and the files at the top; all when empty.
    """

    url: str
    branch: str | None = None
    commit: str | None = None
    submodules: bool = False
    directories: tuple[str, ...] = ()


def git_clone(  # noqa: PLR0917  # the contract's signature
    repository: str,
    branch: str | None = None,
    commit_sha: str | None = None,
    include_submodules: bool = False,
    access_token: str | None = None,
    credentials: Any = None,
    directories: Sequence[str] | None = None,
    clone_directory_name: str | None = None,
) -> dict[str, str]:
    """Bring a repository's code into a directory below the working directory.

    Args:
        repository: Its address; credentials in it are taken out of it.
        branch: A branch or tag; the repository's own default when not given.
        commit_sha: A commit, instead of a branch.
        include_submodules: Whether its sub-modules are brought too.
        access_token: For a private repository.
        credentials: The same as a mapping or block with a token or password, and maybe a user name.
        directories: Only these directories of it.
        clone_directory_name: Where; named after repository and branch when not given.

    Returns:
        `directory`: where the code is.

    Raises:
        ConfigurationError: The arguments exclude each other.
        CodeUnavailable: It cannot be had.
    """
    if branch and commit_sha:
        message = f"name a branch ({branch}) or a commit ({commit_sha}), not both"
        raise ConfigurationError(message)
    if access_token and credentials:
        message = "give an access token or credentials, not both"
        raise ConfigurationError(message)
    url, in_url = split_login(repository)
    login = read_login(url, access_token or credentials) or in_url
    revision = Revision(url, branch, commit_sha, include_submodules, tuple(directories or ()))
    place = Path.cwd() / (clone_directory_name or directory_name(url, branch))
    check_out(revision, login, place)
    return {"directory": str(place)}


def directory_name(url: str, branch: str | None = None) -> str:
    """What a repository's directory is called."""
    name = re.sub(r"\.git$", "", re.split(r"[/:]", url.rstrip("/"))[-1])
    return f"{name}-{branch}".replace("/", "-") if branch else name


def read_login(url: str, given: object) -> Login | None:
    """Credentials out of a token, a mapping, or a block with such fields.

    Raises:
        ConfigurationError: There is no token or password in them.
    """
    if given is None or given == "":
        return None
    if isinstance(given, str):
        name, colon, rest = given.partition(":")
        return Login(name, rest) if colon else Login(_token_user(url), given)
    fields = cast("Mapping[str, Any]", given if isinstance(given, Mapping) else vars(given))
    token = next((fields[name] for name in _TOKEN_NAMES if fields.get(name)), None)
    if token is None:
        message = "credentials for a git repository need an access token or a password"
        raise ConfigurationError(message)
    reveal = getattr(token, "get_secret_value", None) or getattr(token, "get", None)
    return Login(
        str(fields.get("username") or _token_user(url)), str(reveal() if reveal else token)
    )


def _token_user(url: str) -> str:
    """The user name that goes with a token; hosts differ in it, most take any."""
    if "gitlab" in url:
        return "oauth2"
    return "x-token-auth" if "bitbucket" in url else "x-access-token"


def check_out(revision: Revision, login: Login | None, place: Path) -> str:
    """Have a directory hold a revision's files, in the place of what we put there before.

    Returns:
        The commit.

    Raises:
        CodeUnavailable: It cannot be had, or the directory has something else in it.
    """
    mirror = Mirror(revision.url, login)
    commit = mirror.find(revision.branch, revision.commit, needed_since())
    _check_place(place, revision.url)
    tree = shared_tree(
        _tree_key(revision, commit), lambda empty: _fill(empty, mirror, revision, commit, login)
    )
    aside = place.with_name(f".{place.name}.{time.monotonic_ns()}")
    shutil.copytree(tree, aside, symlinks=True)
    discard(place)
    aside.replace(place)
    return commit


def _check_place(place: Path, url: str) -> None:
    mark = place / ".git" / _MARK
    if not place.exists() or (mark.is_file() and mark.read_text() == url):
        return
    message = (
        f"{place} exists and is not our copy of {url}, so it is left as it is: move it away, or give the "
        "clone another name"
    )
    raise CodeUnavailable(message)


def _tree_key(revision: Revision, commit: str) -> str:
    content = [revision.url, commit, revision.submodules, sorted(revision.directories)]
    return f"git-{hashlib.sha256(json.dumps(content).encode()).hexdigest()[:40]}"


def _fill(
    place: Path, mirror: Mirror, revision: Revision, commit: str, login: Login | None
) -> None:
    """A working tree whose objects are the mirror's."""
    run_git("init", "--quiet", str(place))
    own = place / ".git"
    (own / "objects" / "info" / "alternates").write_text(f"{mirror.objects}\n")
    shallow = mirror.directory / "shallow"
    if shallow.exists():
        shutil.copyfile(shallow, own / "shallow")
    (own / _MARK).write_text(revision.url)
    run_git("remote", "add", "origin", revision.url, directory=place)
    if revision.directories:
        run_git("sparse-checkout", "set", "--cone", "--", *revision.directories, directory=place)
    run_git(
        "checkout",
        "--quiet",
        "--detach",
        commit,
        directory=place,
        settings={"advice.detachedHead": "false"},
    )
    if revision.submodules:
        run_git(
            "submodule",
            "update",
            "--quiet",
            "--init",
            "--recursive",
            "--depth=1",
            directory=place,
            url=revision.url,
            login=login,
        )
