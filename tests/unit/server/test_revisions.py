"""The revisions of the database are one chain: two that were made at the same time are put in order."""

import re
from pathlib import Path

from headrace.server.store.migrations import versions

FILES = sorted(Path(versions.__path__[0]).glob("[0-9]*.py"))


def test_each_revision_follows_the_one_before() -> None:
    """Their numbers are those of their files, without gap and each once."""
    before = "None"
    for at, path in enumerate(FILES, 1):
        text = path.read_text()
        found = re.search(r'^revision = "(\w+)"\ndown_revision = "?(\w+)"?$', text, re.MULTILINE)
        assert found is not None, path.name
        assert found.groups() == (f"{at:04}", before), path.name
        assert path.name.startswith(f"{at:04}_")
        before = found[1]
