"""What importing costs, and where imports may hide."""

import ast
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

import headrace
from headrace._bindings import HEAVY, METHODS, PACKAGES, PUBLIC, load

SOURCES = Path(headrace.__file__).parent
DEAR = ("msgspec", "asyncio", "pydantic", "inspect", "logging", "dataclasses", "concurrent.futures")


def test_the_decorators_load_nothing_dear():
    """`from headrace import flow, task` and decorating load neither msgspec nor asyncio."""
    script = (
        "from headrace import flow, task\n"
        "@task\n"
        "def t(x): return x\n"
        "@flow\n"
        "def f(): return t(1)\n"
        "import sys; print(*sys.modules)"
    )
    ran = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    loaded = set(ran.stdout.split())
    assert loaded.isdisjoint(DEAR)
    assert len(loaded) < 110  # modules; a bare interpreter loads some forty


def test_a_synchronous_flow_needs_no_event_loop():
    """The whole engine of synchronous flows is loaded without asyncio and pydantic."""
    script = (
        "import headrace.engine.flow_calls, headrace.engine.execute, headrace.task_runners\n"
        "import sys; print(*sys.modules)"
    )
    ran = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert set(ran.stdout.split()).isdisjoint(("asyncio", "pydantic"))


TABLES = (PUBLIC, METHODS, HEAVY, *PACKAGES.values())


@pytest.mark.parametrize("target", sorted({one for table in TABLES for one in table.values()}))
def test_every_late_binding_exists(target):
    """A name in the table leads to an object."""
    module = target.partition(":")[0]
    assert find_spec(module) is not None
    assert load(target) is not None


def test_nothing_is_imported_inside_of_functions():
    """Late imports live in one table: no function in the package has an import statement."""
    found = []
    for path in SOURCES.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                found += [
                    f"{path.relative_to(SOURCES)}:{inner.lineno}"
                    for inner in ast.walk(node)
                    if isinstance(inner, ast.Import | ast.ImportFrom)
                ]
    assert found == []
