"""The deployment file as plain values."""

from pathlib import Path

import pytest

from headrace.deployments.project.document import find_file, read_document
from headrace.errors import ConfigurationError

TEXT = """\
definitions:
  pool: &pool {name: p, job_variables: {n: 1, y: 2}}
deployments:
- name: one
  paused: yes
  version: "yes"
  parameters: {n: 010, when: 2026-01-01T00:00:00Z, day: 2026-01-02, share: 1.50, none: ~}
  work_pool: *pool
- name: two
  work_pool:
    <<: *pool
    work_queue_name: q
"""


def written(place: Path, text: str, name: str = "headrace.yaml") -> Path:
    path = place / name
    path.write_text(text)
    return path


def test_values_are_those_of_json(tmp_path: Path) -> None:
    """Aliases and merged keys stand in place; a date is text; `n` and `y` are names, `yes` is true."""
    document = read_document(written(tmp_path, TEXT))
    one, two = document.values["deployments"]
    assert one["paused"] is True
    assert one["version"] == "yes"
    assert one["parameters"] | {"n": 0} == {
        "n": 0,
        "when": "2026-01-01T00:00:00Z",
        "day": "2026-01-02",
        "share": 1.5,
        "none": None,
    }
    assert one["work_pool"] == {"name": "p", "job_variables": {"n": 1, "y": 2}}
    assert two["work_pool"] == one["work_pool"] | {"work_queue_name": "q"}
    assert type(one["parameters"]["share"]) is float


def test_a_place_has_its_line(tmp_path: Path) -> None:
    """The line of a field, or of what is around it where it has none of its own."""
    document = read_document(written(tmp_path, TEXT))
    assert document.where(("deployments", 0, "paused")) == "headrace.yaml, line 5"
    assert document.where(("deployments", 1, "nothing", 3)) == "headrace.yaml, line 9"
    assert document.where(()) == "headrace.yaml"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a: [1", "line 1"),
        ("- a", "a deployment file is a mapping"),
        ("a: 1\na: 2", "line 2"),
        ("a: *nowhere", "line 1"),
    ],
)
def test_what_is_no_file_is_refused_with_its_line(tmp_path: Path, text: str, said: str) -> None:
    """Not YAML, a key twice, an alias of nothing, a list."""
    with pytest.raises(ConfigurationError, match=said):
        read_document(written(tmp_path, text))


def test_ours_comes_before_the_contracts(tmp_path: Path) -> None:
    """`headrace.yaml` counts where both are there; an empty file is one without deployments."""
    assert find_file(tmp_path) is None
    theirs = written(tmp_path, "", "prefect.yaml")
    assert find_file(tmp_path) == theirs
    assert read_document(theirs).values == {}
    ours = written(tmp_path, "")
    assert find_file(tmp_path) == ours
