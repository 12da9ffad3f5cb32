"""Archives: a directory's files as bytes that are the same for the same files, and back."""

import gzip
import io
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from headrace.errors import CodeUnavailable

if TYPE_CHECKING or sys.version_info >= (3, 12):
    import tarfile
else:  # the first releases of 3.11 lack the filter of what is unpacked
    from backports import tarfile

_EXECUTABLE = 0o111
_LEVEL = 6  # of gzip: beyond it the time grows and source code hardly shrinks


def pack(root: Path, files: Iterable[Path]) -> bytes:
    """A compressed archive of files. Their times and owners are left out.

    Args:
        root: What the names in the archive are relative to.
        files: Paths of files below it. A link to what is below it stays a link.
    """
    whole = io.BytesIO()
    with (
        gzip.GzipFile(
            filename="", mode="wb", compresslevel=_LEVEL, fileobj=whole, mtime=0
        ) as zipped,
        tarfile.open(fileobj=zipped, mode="w", format=tarfile.PAX_FORMAT) as archive,
    ):
        for file in sorted(files):
            _add(archive, root, file)
    return whole.getvalue()


def _add(archive: tarfile.TarFile, root: Path, file: Path) -> None:
    entry = tarfile.TarInfo(file.relative_to(root).as_posix())
    if file.is_symlink() and _stays_inside(root, file):
        entry.type = tarfile.SYMTYPE
        entry.linkname = file.readlink().as_posix()
        archive.addfile(entry)
        return
    content = file.read_bytes()
    entry.size = len(content)
    entry.mode = 0o755 if file.stat().st_mode & _EXECUTABLE else 0o644
    archive.addfile(entry, io.BytesIO(content))


def _stays_inside(root: Path, link: Path) -> bool:
    target = link.readlink()
    return not target.is_absolute() and link.resolve().is_relative_to(root.resolve())


def unpack(content: bytes, place: Path) -> None:
    """Put an archive's files into a directory; nothing of it can come to lie outside.

    Raises:
        CodeUnavailable: It is not such an archive.
    """
    try:
        with tarfile.open(fileobj=io.BytesIO(content), mode="r:gz") as archive:
            archive.extractall(place, filter="data")
    except (tarfile.TarError, EOFError, OSError) as error:
        message = f"the archive of the code cannot be unpacked: {error}"
        raise CodeUnavailable(message) from error
