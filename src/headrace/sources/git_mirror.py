"""Mirrors: one bare repository for each address on this machine, which keeps what runs have fetched.

A mirror is locked while it is looked at. A branch that another process has asked for since the caller
needed it is not asked for again, so runs that start together cost their repository one look. Nothing
is ever deleted from a mirror: trees refer to its objects.
"""

import hashlib
import json
import re
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from headrace.errors import CodeUnavailable
from headrace.sources.git_program import Login, run_git
from headrace.sources.locks import locked
from headrace.sources.trees import code_directory

_KEEP: Final = {"gc.auto": "0", "maintenance.auto": "false"}
_WHOLE_HASH: Final = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
_HASH: Final = re.compile(r"[0-9a-f]{4,64}")


class Mirror:
    """This machine's copy of a repository.

    Args:
        url: The repository's address, without credentials.
        login: For it.
    """

    def __init__(self, url: str, login: Login | None = None) -> None:
        self.url = url
        self._login = login
        digest = hashlib.sha256(url.encode()).hexdigest()[:32]
        self.directory = code_directory() / "git" / digest

    @property
    def objects(self) -> Path:
        """Where its objects lie."""
        return self.directory / "objects"

    def find(self, branch: str | None, commit: str | None, since: float) -> str:
        """The commit of a branch, tag or abbreviated commit, fetched where it is not here yet.

        Args:
            branch: A branch or tag; the repository's own default when neither is given.
            commit: A commit, instead.
            since: When the caller came to need it, seconds since the epoch: what was seen later will do.

        Raises:
            CodeUnavailable: There is no such thing in the repository, or it cannot be reached.
        """
        if commit is not None and not _HASH.fullmatch(commit):
            message = f"{commit!r} is not the hash of a commit"
            raise CodeUnavailable(message)
        with locked(self.directory.with_suffix(".lock")):
            if not self.directory.is_dir():
                run_git("init", "--bare", "--quiet", str(self.directory))
            if commit is not None:
                return self._find_commit(commit)
            return self._find_branch(branch, since)

    def _find_commit(self, commit: str) -> str:
        if _WHOLE_HASH.fullmatch(commit) and self._has(commit):
            return commit
        try:
            self._fetch("--depth=1", commit)
        except CodeUnavailable:  # abbreviated, or of a server that hands out branches alone
            self._fetch("--tags", "+refs/heads/*:refs/heads/*", *self._deepen())
        try:
            return self._git("rev-parse", "--verify", "--quiet", f"{commit}^{{commit}}").strip()
        except CodeUnavailable:
            message = f"the repository {self.url} has no commit {commit}"
            raise CodeUnavailable(message) from None

    def _deepen(self) -> tuple[str, ...]:
        return ("--unshallow",) if (self.directory / "shallow").exists() else ()

    def _find_branch(self, branch: str | None, since: float) -> str:
        seen = self._read_seen()
        name = branch or "HEAD"
        known = seen.get(name)
        if known is not None and since <= known["at"] <= time.time() and self._has(known["commit"]):
            return known["commit"]
        at = time.time()
        reference, commit = self._look(name)
        if not self._has(commit):
            self._fetch("--depth=1", reference)
            commit = self._git("rev-parse", "FETCH_HEAD^{commit}").strip()
        seen[name] = {"at": at, "commit": commit}
        (self.directory / "seen.json").write_text(json.dumps(seen))
        return commit

    def _look(self, name: str) -> tuple[str, str]:
        """The full name of a branch or tag, and its commit, as the repository has it now."""
        wanted = ["HEAD"]
        if name != "HEAD":
            wanted = [f"refs/heads/{name}", f"refs/tags/{name}^{{}}", f"refs/tags/{name}"]
        answer = self._git("ls-remote", "--", self.url, *wanted, speaks=True)
        found = {line.partition("\t")[2]: line.partition("\t")[0] for line in answer.splitlines()}
        for reference in wanted:
            if reference in found:
                return reference.removesuffix("^{}"), found[reference]
        what = "no default branch: it is empty" if name == "HEAD" else f"no branch or tag {name!r}"
        message = f"the repository {self.url} has {what}"
        raise CodeUnavailable(message)

    def _read_seen(self) -> dict[str, Any]:
        try:
            return json.loads((self.directory / "seen.json").read_text())
        except (OSError, ValueError):
            return {}

    def _has(self, commit: str) -> bool:
        try:
            self._git("cat-file", "-e", f"{commit}^{{commit}}")
        except CodeUnavailable:
            return False
        return True

    def _fetch(self, *arguments: str) -> None:
        options = [one for one in arguments if one.startswith("-")]
        wanted = [one for one in arguments if not one.startswith("-")]
        self._git("fetch", "--quiet", "--force", *options, "--", self.url, *wanted, speaks=True)

    def _git(self, *arguments: str, speaks: bool = False) -> str:
        settings: Mapping[str, str] = _KEEP
        if not speaks:
            return run_git(*arguments, directory=self.directory, settings=settings)
        return run_git(
            *arguments, directory=self.directory, url=self.url, login=self._login, settings=settings
        )
