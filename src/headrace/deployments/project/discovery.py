"""Finding flows in Python files without running them."""

import ast
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

MOST_FILES = 2000  # looked at: more than that is no project's own code
DEEPEST = 6  # levels of directories below the project's
SKIPPED = frozenset(
    {"__pycache__", "build", "dist", "env", "node_modules", "site-packages", "venv"}
)
"""Directories without code of the project. Those with a dot in front are skipped as well."""


@dataclass(frozen=True, slots=True)
class FoundFlow:
    """A flow in a file.

    Args:
        name: What the server knows it by.
        function: The function's name.
        file: Relative to where the search began.
    """

    name: str
    function: str
    file: str

    @property
    def entrypoint(self) -> str:
        """As a deployment has it."""
        return f"{self.file}:{self.function}"


def find_flows(directory: Path) -> list[FoundFlow]:
    """The flows at the top of the files of a directory and those below it, by their entrypoints."""
    found: list[FoundFlow] = []
    for file in _python_files(directory):
        found += flows_in(file, file.relative_to(directory).as_posix())
    return sorted(found, key=lambda one: one.entrypoint)


def flows_in(file: Path, shown: str) -> list[FoundFlow]:
    """The flows at the top of one file, called `shown`; none where it cannot be read as Python."""
    try:
        tree = ast.parse(file.read_bytes())
    except (OSError, SyntaxError, ValueError):
        return []
    functions = [n for n in tree.body if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef)]
    return [
        FoundFlow(name, node.name, shown)
        for node in functions
        for name in [_flow_name(node)]
        if name is not None
    ]


def flow_name_of(entrypoint: str, directory: Path) -> str | None:
    """The name of the flow at an entrypoint, as far as its file tells without being run."""
    place, _, function = entrypoint.rpartition(":")
    if not place:
        return None
    file = directory / (place if place.endswith(".py") else f"{place.replace('.', '/')}.py")
    return next((one.name for one in flows_in(file, place) if one.function == function), None)


def _flow_name(node: ast.FunctionDef | ast.AsyncFunctionDef) -> str | None:
    for decorator in node.decorator_list:
        called = decorator.func if isinstance(decorator, ast.Call) else decorator
        word = called.attr if isinstance(called, ast.Attribute) else getattr(called, "id", None)
        if word == "flow":
            return _given_name(decorator) or node.name.replace("_", "-")
    return None


def _given_name(decorator: ast.expr) -> str | None:
    if isinstance(decorator, ast.Call):
        for keyword in decorator.keywords:
            if keyword.arg == "name" and isinstance(keyword.value, ast.Constant):
                return str(keyword.value.value)
    return None


def _python_files(directory: Path) -> Iterator[Path]:
    count = 0
    for place, directories, files in os.walk(directory):
        below = Path(place)
        depth = len(below.relative_to(directory).parts)
        directories[:] = [
            d for d in directories if depth < DEEPEST and d not in SKIPPED and d[0] != "."
        ]
        for name in files:
            if name.endswith(".py"):
                count += 1
                if count > MOST_FILES:
                    return
                yield below / name
