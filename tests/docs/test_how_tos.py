"""Every block of every how-to does what the page says."""

from pathlib import Path

import pytest

from tests.docs.pages import pages_in, walk


@pytest.mark.timeout(600)
@pages_in("how-to")
def test_a_pages_blocks_run(page: Path, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    """Programs and commands succeed, in order, and print what is shown; files can be read."""
    walk(page, tmp_path, request.getfixturevalue)
