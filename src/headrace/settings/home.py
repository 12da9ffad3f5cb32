"""The home directory: made where it is missing, with one clear refusal where it cannot be written."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from headrace.errors import InvalidSetting

if TYPE_CHECKING:
    from collections.abc import Generator
    from pathlib import Path

OWN = 0o700  # it holds keys and results: nobody else's business


def make_home(home: Path) -> None:
    """Make the home directory if there is none.

    Raises:
        InvalidSetting: It cannot be made.
    """
    with writing(home):
        home.mkdir(parents=True, exist_ok=True, mode=OWN)


@contextmanager
def writing(path: Path, *, draft: Path | None = None) -> Generator[None]:
    """Around what writes a file of the home directory; a draft is not left behind by a failure.

    Args:
        path: What is to be written.
        draft: The file that is written first, to be put in its place.

    Raises:
        InvalidSetting: The disk is full, or this user may not write there.
    """
    try:
        yield
    except OSError as error:
        if draft is not None:
            draft.unlink(missing_ok=True)
        message = (
            f"{path} cannot be written: {error.strerror}; free space, or set HEADRACE_HOME to a "
            "directory of yours"
        )
        raise InvalidSetting(message) from error
