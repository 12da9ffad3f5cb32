"""Writing a deployment into a file that people keep."""

from pathlib import Path

import pytest

from headrace.deployments.project.document import read_document
from headrace.deployments.project.recipes import RECIPES, write_file
from headrace.deployments.project.saving import save_entry
from headrace.errors import ConfigurationError

FILE = """\
# ours
definitions:
  pool: &pool {name: p}  # shared
deployments:
  - name: "one"  # the first
    entrypoint: f.py:a
    work_pool: *pool
"""
NEW = {
    "name": "two",
    "entrypoint": "f.py:b",
    "work_pool": {"name": "p"},
    "tags": [],
    "version": None,
}


def test_what_stands_there_stays(tmp_path: Path) -> None:
    """Comments, quotes, anchors and indentation; what is empty is not written."""
    path = tmp_path / "headrace.yaml"
    path.write_text(FILE)
    save_entry(path, NEW)
    text = path.read_text()
    assert text.startswith(FILE.replace('"one"  #', '"one" #').split("- name")[0])
    for kept in ("# shared", "# the first", '"one"', "*pool", "&pool", "  - name: two\n"):
        assert kept in text
    assert "tags" not in text
    save_entry(path, NEW | {"version": "v2"})
    names = [(one["name"], one.get("version")) for one in read_document(path).values["deployments"]]
    assert names == [("one", None), ("two", "v2")]


def test_a_file_that_is_not_there_is_made(tmp_path: Path) -> None:
    """And nothing else is left beside it."""
    path = tmp_path / "headrace.yaml"
    save_entry(path, NEW)
    assert read_document(path).values["deployments"][0]["name"] == "two"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("recipe", RECIPES)
def test_recipes(recipe: str) -> None:
    """Each with its fields given; a missing and an unknown one are named."""
    fields = {one.name: "x" for one in RECIPES[recipe].fields}
    made = write_file("project", recipe, fields)
    assert made["name"] == "project"
    assert made["deployments"]
    with pytest.raises(ConfigurationError, match="unknown"):
        write_file("project", recipe, fields | {"unknown": "x"})
    needed = [one.name for one in RECIPES[recipe].fields if one.default is None]
    if needed:
        with pytest.raises(ConfigurationError, match=needed[0]):
            write_file("project", recipe, {})


def test_no_such_recipe() -> None:
    """It is refused with those that there are."""
    with pytest.raises(ConfigurationError, match="local, git"):
        write_file("project", "cake", {})
