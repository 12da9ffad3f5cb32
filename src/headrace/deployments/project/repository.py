"""What git says about the directory that is deployed from."""

from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

from headrace.deployments.steps.programs import run_program

GIT_SECONDS = 10.0  # for a question that git answers from its own files
# Looking at the flows here leaves bytecode beside them: nobody misses that in a clone.
_SOURCES = (":/", ":(exclude,top,glob)**/__pycache__/**")


@dataclass(frozen=True, slots=True)
class Repository:
    """A directory's repository.

    Args:
        url: Of the remote that its branch follows, without credentials; None where it follows none.
        branch: The branch; None where none is checked out.
        root: The repository's own directory.
        has_uncommitted: Whether files that git knows are changed, or new files are there.
        has_unpushed: Whether commits are not on the remote.
    """

    url: str | None
    branch: str | None
    root: Path
    has_uncommitted: bool
    has_unpushed: bool

    def warnings(self, directory: Path) -> list[str]:
        """What runs that clone the remote will not see, or not find, of a directory."""
        told: list[str] = []
        if self.has_uncommitted:
            told.append("changes here are not committed: runs that clone do not have them")
        if self.has_unpushed:
            told.append("commits here are not pushed: runs that clone do not have them")
        if directory.resolve() != self.root.resolve():
            below = directory.resolve().relative_to(self.root.resolve())
            told.append(
                f"the repository begins at {self.root}, and a clone does too: entrypoints are looked for "
                f"there, so write them with {below}/ in front, or deploy from {self.root}"
            )
        return told


def read_repository(directory: Path) -> Repository | None:
    """The repository that a directory is in; None where it is in none, or there is no git."""
    root = _git(directory, "rev-parse", "--show-toplevel")
    if root is None:
        return None
    branch = _git(directory, "symbolic-ref", "--short", "-q", "HEAD")
    remote = _git(directory, "config", f"branch.{branch}.remote") if branch else None
    url = _git(directory, "remote", "get-url", remote or "origin")
    ahead = _git(directory, "rev-list", "--count", "@{upstream}..HEAD")
    return Repository(
        url=_without_credentials(url) if url else None,
        branch=branch,
        root=Path(root),
        has_uncommitted=bool(_git(directory, "status", "--porcelain", "--", *_SOURCES)),
        has_unpushed=url is not None and (ahead is None or ahead != "0"),
    )


def _git(directory: Path, *arguments: str) -> str | None:
    """What git answers; None where it has no answer."""
    try:
        ended = run_program(["git", *arguments], directory=str(directory), timeout=GIT_SECONDS)
    except (OSError, TimeoutError):
        return None
    return ended.out if ended.code == 0 else None


def _without_credentials(url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"}:
        return url
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))
