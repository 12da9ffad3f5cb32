"""Beginning a project: its deployment file, and the file of what is never uploaded."""

from collections.abc import Mapping
from io import StringIO
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from headrace.deployments.project.document import FILE_NAMES, find_file
from headrace.deployments.project.recipes import write_file
from headrace.deployments.project.saving import write_whole
from headrace.errors import ConfigurationError

IGNORE_FILE = ".headraceignore"
IGNORED = """\
# What is not part of the project's code: it is neither uploaded nor put into images.
__pycache__/
*.py[cod]
*.egg-info/
.git/
.venv/
venv/
.env
.idea/
.vscode/
.DS_Store
.ipynb_checkpoints/
.mypy_cache/
.pytest_cache/
.ruff_cache/
node_modules/
"""


def initialize_project(
    name: str | None = None,
    recipe: str | None = None,
    inputs: Mapping[str, Any] | None = None,
) -> list[str]:
    """Write the files of a project into this directory; those that are there stay.

    Args:
        name: Of the project; the directory's when not given.
        recipe: Where runs get the code from; `local` when not given.
        inputs: Values of the recipe's fields.

    Returns:
        The names of the files that were written.

    Raises:
        ConfigurationError: The recipe is unknown, misses a value, or a file cannot be written.
    """
    here = Path.cwd()
    values = {key: str(value) for key, value in (inputs or {}).items()}
    document = write_file(name or here.name, recipe or "local", values)
    there = find_file(here)
    made: list[str] = []
    if there is None:
        write_whole(here / FILE_NAMES[0], _text(document))
        made.append(FILE_NAMES[0])
    elif recipe is not None:
        message = f"{there.name} is there already; move it away, or edit it"
        raise ConfigurationError(message)
    if not (here / IGNORE_FILE).exists():
        write_whole(here / IGNORE_FILE, IGNORED)
        made.append(IGNORE_FILE)
    return made


def _text(document: dict[str, Any]) -> str:
    yaml: Any = YAML()
    text = StringIO()
    text.write("# How this project is deployed: `headrace deploy`\n")
    for name, value in document.items():
        yaml.dump({name: value}, text)
        text.write("\n")
    return f"{text.getvalue().rstrip()}\n"
