"""What the operating system refuses beside a database, in the words of `headrace.errors`."""

import errno
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from headrace.errors import DatabaseFull, DatabaseReadOnly

_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


@contextmanager
def written(path: Path, *, draft: Path | None = None) -> Generator[None]:
    """Around what writes `path`: a refusal names it, and leaves nothing half-written.

    Args:
        path: What is to be written.
        draft: The file that is written first, to be put in its place; removed where that fails.

    Raises:
        DatabaseFull: There is no room on the disk, or the quota is used up.
        DatabaseReadOnly: The directory is not there and cannot be made, or this user may not write.
    """
    try:
        yield
    except BaseException as error:
        if draft is not None:
            draft.unlink(missing_ok=True)
        if isinstance(error, OSError):
            raise _refusal(error, path) from error
        raise


def _refusal(error: OSError, path: Path) -> DatabaseFull | DatabaseReadOnly:
    reason = error.strerror or str(error)
    if error.errno in _FULL:
        return DatabaseFull(f"{path} cannot be written: {reason}; free space on its disk")
    return DatabaseReadOnly(f"{path} cannot be written: {reason}; choose another directory")
