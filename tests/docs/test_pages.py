"""Every fenced block of the documentation does what the page says."""

import json
import tomllib
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import jsonschema
import pytest
from ruamel.yaml import YAML

from headrace.server.config import ServerConfig
from headrace.server.secrets import new_key
from tests.docs.blocks import Block, blocks_of, commands_of
from tests.docs.session import Session
from tests.integration.conftest import LiveServer

DOCS = Path(__file__).parents[2] / "docs"
CHART = DOCS.parent / "deploy" / "helm" / "headrace" / "values.schema.json"
PAGES = sorted(page for page in DOCS.rglob("*.md") if page.parent.name != "decisions")
"""All but the decisions: these are records of a day."""

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

NEEDS_ENGINE = "headrace image build\n"
OWN_SERVER = "headrace server start"

pytestmark = pytest.mark.timeout(600)


def run_blocks(page: Path) -> list[Block]:
    return [b for b in blocks_of(page) if not b.not_run and b.language != "mermaid"]


@pytest.fixture
def server(tmp_path: Path) -> Iterator[str]:
    """`host:port` of a server of this page's own, in a thread: a fresh database, no program to start."""
    config = ServerConfig(encryption_keys=(new_key(),))
    live = LiveServer(f"sqlite:///{tmp_path / 'headrace.db'}", config).start()
    yield f"127.0.0.1:{live.port}"
    live.stop()


@pytest.mark.parametrize(
    "page", [p for p in PAGES if run_blocks(p)], ids=lambda p: str(p.relative_to(DOCS.parent))
)
def test_a_pages_blocks_run(page: Path, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    """Programs and commands succeed, in order, and print what is shown; files can be read."""
    blocks = run_blocks(page)
    starts_own = any(OWN_SERVER in block.text for block in blocks if block.language == "console")
    server = None if starts_own else request.getfixturevalue("server")
    engine = NEEDS_ENGINE in page.read_text()
    more = request.getfixturevalue("engine_with_own_image") if engine else {}
    place, home = tmp_path / "project", tmp_path / "home"
    place.mkdir()
    home.mkdir()
    with closing(Session(place, home, server, **more)) as session:
        for block in blocks:
            check_form(block)
            session.run(block)


def check_form(block: Block) -> None:
    """What is no program is read by what reads it."""
    if block.language == "json":
        json.loads(block.text)
    elif block.language == "toml":
        tomllib.loads(block.text)
    elif block.language == "yaml":
        values = YAML(typ="safe").load(block.text)
        if block.title.endswith("values.yaml"):
            jsonschema.validate(values, json.loads(CHART.read_text()))


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
    commands = " ".join(c.text for b in blocks if b.language == "console" for c in commands_of(b))
    for block in blocks:
        if block.language != "console" and block.title:
            others = " ".join(b.text for b in blocks if b.title and b.title != block.title)
            named = Path(block.title).stem in commands + others
            assert named or Path(block.title).name in READ_BY_ITSELF, f"{block}: {block.title}"


READ_BY_ITSELF = frozenset({"headrace.yaml", "headrace.toml", "pyproject.toml", ".env"})
"""Files that commands find without being told."""
