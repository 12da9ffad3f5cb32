"""Which deployments a name means."""

from pathlib import Path

import pytest

from headrace.deployments.project.discovery import find_flows
from headrace.deployments.project.selection import choose

ENTRIES = [
    {"name": "daily", "entrypoint": "jobs.py:load_all"},
    {"name": "hourly", "entrypoint": "jobs.py:load_all"},
    {"name": "daily", "entrypoint": "jobs.py:clean"},
    {"entrypoint": "jobs.py:clean"},
]
CODE = """\
import headrace
from headrace import flow, task

@flow
def load_all(): ...

@headrace.flow(name="tidy up", retries=2)
async def clean(): ...

@task
def no_flow(): ...
"""


@pytest.fixture
def place(tmp_path: Path) -> Path:
    (tmp_path / "jobs.py").write_text(CODE)
    (tmp_path / "broken.py").write_text("def")
    hidden = tmp_path / ".venv"
    hidden.mkdir()
    (hidden / "more.py").write_text(CODE)
    return tmp_path


@pytest.mark.parametrize(
    ("wanted", "indices", "missing"),
    [
        (["hourly"], (1,), ()),
        (["daily"], (0, 2), ()),
        (["load-all/daily"], (0,), ()),
        (["tidy up/daily"], (2,), ()),
        (["load_all/*", "weekly"], (0, 1), ("weekly",)),
        (["*ly"], (0, 1, 2), ()),
        (["hourly", "hourly"], (1,), ()),
        (["other/daily"], (), ("other/daily",)),
    ],
)
def test_names_and_patterns(
    place: Path, wanted: list[str], indices: tuple[int, ...], missing: tuple[str, ...]
) -> None:
    """A name, a flow's name before it, wild cards; each deployment once, in the file's order."""
    chosen = choose(ENTRIES, wanted, place)
    assert (chosen.indices, chosen.missing) == (indices, missing)


def test_flows_are_found_without_running_code(place: Path) -> None:
    """Decorated functions with the names they have; not in broken files, nor in environments."""
    found = [(one.name, one.entrypoint) for one in find_flows(place)]
    assert found == [("tidy up", "jobs.py:clean"), ("load-all", "jobs.py:load_all")]
