"""What the blocks of the documentation are, before any is run."""

from pathlib import Path

import pytest

from tests.docs.blocks import blocks_of
from tests.docs.pages import DOCS, PAGES, WALKED_ALONE, run_blocks

NOT_RUN: dict[str, str] = {
    "how-to/run-as-a-service.md $ sudo useradd --system --home-dir /var/lib/headrace "
    "--shell /usr/sbin/nologin headrace": "changes the reader's machine",
    "how-to/run-as-a-service.md $ sudo systemctl edit headrace-worker@local": (
        "changes the reader's machine"
    ),
    "how-to/run-as-a-service.md [Service]": "is a part of the reader's machine",
    "how-to/use-postgresql.md $ headrace server start --database "
    "postgresql://headrace@db.example.com/headrace": "needs a PostgreSQL server of the reader's",
    "how-to/use-several-package-versions.md $ python -m venv reports && "
    "reports/bin/pip install headrace pandas==2.2": "makes environments and installs into them",
    "tutorials/coming-from-prefect.md $ prefect work-pool create local --type process": (
        "needs prefect installed; the interop suite runs these and hundreds more"
    ),
    "tutorials/docker-pool.md $ headrace image build": (
        "fetches Python's image from its registry; the command has tests of its own"
    ),
    "tutorials/first-flow.md $ pip install .": "installs into the reader's environment",
    "tutorials/kubernetes.md $ headrace image build --extra kubernetes "
    "--tag registry.example.com/headrace:1": "needs a registry and a cluster",
    "tutorials/kubernetes.md $ kubectl port-forward service/headrace-server 4200:4200": (
        "needs a cluster"
    ),
}
"""Blocks that no test can run, by page and first command, with the reason that the page gives."""


def test_pages_are_walked() -> None:
    """A page with something to run lies where a module of tests finds it."""
    elsewhere = [p for p in PAGES if p.parent.name not in WALKED_ALONE and run_blocks(p)]
    assert not elsewhere


def test_the_blocks_that_are_not_run_are_known() -> None:
    """There are few, each with its reason."""
    found = {
        f"{page.relative_to(DOCS)} {block.text.splitlines()[0]}": block.not_run
        for page in PAGES
        for block in blocks_of(page)
        if block.not_run
    }
    assert found == NOT_RUN


@pytest.mark.parametrize("page", PAGES, ids=lambda p: str(p.relative_to(DOCS.parent)))
def test_every_file_that_a_page_shows_is_used(page: Path) -> None:
    """A block with a file's name is of use only if a command or another file names it."""
    blocks = blocks_of(page)
    typed = " ".join(block.text for block in blocks if block.language == "console")
    for block in blocks:
        if block.language != "console" and block.title:
            others = " ".join(b.text for b in blocks if b.title and b.title != block.title)
            named = Path(block.title).stem in typed + others
            assert named or Path(block.title).name in READ_BY_ITSELF, f"{block}: {block.title}"


READ_BY_ITSELF = frozenset({"headrace.yaml", "headrace.toml", "pyproject.toml", ".env"})
"""Files that commands find without being told."""
