"""Packing a project's code for upload: which files belong to it, and how large it may be."""

import hashlib
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from pathspec import GitIgnoreSpec

from headrace.errors import CodeUnavailable
from headrace.sources.archives import pack

IGNORE_FILES = (".gitignore", ".prefectignore", ".headraceignore")
"""Read in every directory, a later one over an earlier one; all have the syntax of the first."""

ALWAYS_IGNORED = (
    ".git/",
    ".hg/",
    ".svn/",
    ".venv/",
    "venv/",
    "node_modules/",
    "__pycache__/",
    "*.pyc",
    ".mypy_cache/",
    ".pytest_cache/",
    ".ruff_cache/",
    ".ipynb_checkpoints/",
    ".DS_Store",
    ".env",
)
"""What is no code, or is made anew, or is secret. An ignore file may take back one with `!`."""

MOST_FILES = 5000  # more is no project's code: an environment, or data
MOST_BYTES = 200_000_000  # before compression; far beyond what a server takes
_SHOWN = 5  # of the largest things, in the message that it is too much


@dataclass(frozen=True, slots=True)
class Bundle:
    """Packed code.

    Args:
        sha256: The hash of the content, which names it.
        content: The archive.
        files: How many files are in it.
    """

    sha256: str
    content: bytes
    files: int


def pack_directory(root: Path) -> Bundle:
    """Pack a directory, less what its ignore files leave out. The same files give the same bundle.

    Raises:
        CodeUnavailable: It is no project's directory, has too much in it, or links to the outside.
    """
    root = root.resolve()
    if root in {Path.home().resolve(), Path(root.anchor)}:
        message = (
            f"{root} is no project's directory, so it is not uploaded as one: deploy from the directory "
            "of the flow's code"
        )
        raise CodeUnavailable(message)
    files = _checked(root, find_files(root))
    content = pack(root, files)
    return Bundle(hashlib.sha256(content).hexdigest(), content, len(files))


def find_files(root: Path) -> Iterator[Path]:
    """The files below a directory that no ignore file leaves out."""
    rules = [(root, GitIgnoreSpec.from_lines(ALWAYS_IGNORED))]
    yield from _find(root, rules)


def _find(folder: Path, outer: Sequence[tuple[Path, GitIgnoreSpec]]) -> Iterator[Path]:
    rules = [*outer, *_own_rules(folder)]
    with os.scandir(folder) as found:
        entries = sorted(found, key=lambda entry: entry.name)
    for entry in entries:
        path = Path(entry.path)
        is_folder = entry.is_dir(follow_symlinks=False)
        if _is_ignored(path, rules, is_folder=is_folder):
            continue
        if is_folder:
            yield from _find(path, rules)
        elif entry.is_symlink() or entry.is_file():
            yield path


def _own_rules(folder: Path) -> Iterator[tuple[Path, GitIgnoreSpec]]:
    for name in IGNORE_FILES:
        file = folder / name
        if file.is_file():
            lines = file.read_text("utf-8", "replace").splitlines()
            yield folder, GitIgnoreSpec.from_lines(lines)


def _is_ignored(
    path: Path, rules: Sequence[tuple[Path, GitIgnoreSpec]], *, is_folder: bool
) -> bool:
    """What the innermost file says that says anything."""
    for folder, spec in reversed(rules):
        relative = path.relative_to(folder).as_posix() + ("/" if is_folder else "")
        verdict = spec.check_file(relative).include
        if verdict is not None:
            return verdict
    return False


def _checked(root: Path, found: Iterator[Path]) -> list[Path]:
    files: list[Path] = []
    sizes: dict[str, int] = {}
    for file in found:
        if file.is_symlink() and not file.is_file():
            _refuse_link(root, file)
        files.append(file)
        first = file.relative_to(root).parts[0]
        sizes[first] = sizes.get(first, 0) + file.stat().st_size
        if len(files) > MOST_FILES or sum(sizes.values()) > MOST_BYTES:
            largest = sorted(sizes, key=lambda name: sizes[name], reverse=True)[:_SHOWN]
            message = (
                f"{root} holds more than code: over {MOST_FILES} files or {MOST_BYTES // 10**6} MB. Leave "
                f"out what runs do not need in {root / IGNORE_FILES[-1]}; the largest are "
                f"{', '.join(largest)}"
            )
            raise CodeUnavailable(message)
    if not files:
        message = f"there are no files to upload in {root}"
        raise CodeUnavailable(message)
    return files


def _refuse_link(root: Path, link: Path) -> None:
    target = link.resolve()
    if target.exists() and target.is_relative_to(root) and not link.readlink().is_absolute():
        return  # to a directory that is in the bundle itself
    message = (
        f"{link} links to {target}, which is not in the bundle: leave the link out in "
        f"{root / IGNORE_FILES[-1]}, or replace it by what it links to"
    )
    raise CodeUnavailable(message)
