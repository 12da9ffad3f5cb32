"""The pages of the documentation, and how one is walked."""

import json
import tomllib
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import jsonschema
import pytest
from ruamel.yaml import YAML

from tests.docs.blocks import Block, blocks_of
from tests.docs.session import Session

DOCS = Path(__file__).parents[2] / "docs"
CHART = DOCS.parent / "deploy" / "helm" / "headrace" / "values.schema.json"
PAGES = sorted(page for page in DOCS.rglob("*.md") if page.parent.name != "decisions")
"""All but the decisions: these are records of a day."""

WALKED_ALONE = ("tutorials", "concepts", "how-to")
"""Folders with a module of tests each: modules are what processes of a test run share out."""

NEEDS_ENGINE = "headrace image build\n"
OWN_SERVER = "headrace server start"


def pages_in(*folders: str) -> pytest.MarkDecorator:
    """A test is run for each page of these folders that has something to run."""
    found = [page for page in PAGES if page.parent.name in folders and run_blocks(page)]
    return pytest.mark.parametrize("page", found, ids=lambda page: page.stem)


def run_blocks(page: Path) -> list[Block]:
    return [b for b in blocks_of(page) if not b.not_run and b.language != "mermaid"]


def walk(page: Path, folder: Path, fixture: Callable[[str], object]) -> None:
    """Run a page's blocks in order, as its reader would.

    Args:
        page: The page.
        folder: An empty one, for the reader's project and home.
        fixture: The value of a test fixture, asked for if the page needs it.
    """
    blocks = run_blocks(page)
    starts_own = any(OWN_SERVER in block.text for block in blocks if block.language == "console")
    server = None if starts_own else str(fixture("server"))
    needs_engine = NEEDS_ENGINE in page.read_text()
    more = fixture("engine_with_own_image") if needs_engine else {}
    assert isinstance(more, dict)
    place, home = folder / "project", folder / "home"
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
