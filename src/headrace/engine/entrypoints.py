"""Loading a flow from where a deployment says it is."""

import importlib.util
import sys
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

from headrace._bindings import PUBLIC, load
from headrace.core.entry_modules import ENTRY_PREFIX
from headrace.errors import MissingFlowError, ScriptError, UnspecifiedFlowError


def load_flow(entrypoint: str) -> Any:
    """The flow at `path/file.py:name`, `module:name`, or alone in `path/file.py`.

    A plain function that is named is made a flow.

    Raises:
        MissingFlowError: There is no such file, module or flow.
        UnspecifiedFlowError: No name was given, and there are several flows.
        ScriptError: The file raised while it was loaded.
    """
    place, _, name = entrypoint.rpartition(":") if ":" in entrypoint else (entrypoint, "", "")
    module = load_module(place)
    if not name:
        return _only_flow(module, entrypoint)
    found: Any = module
    for part in name.split("."):
        found = getattr(found, part, None)
    flow_class = load(PUBLIC["Flow"])
    if isinstance(found, flow_class):
        return found  # pyright: ignore[reportUnknownVariableType]  # a class loaded late
    if callable(found):
        return flow_class(found)
    names = [key for key, value in vars(module).items() if isinstance(value, flow_class)]
    message = f"{place} has no flow {name!r}; it has {names or 'none'}."
    raise MissingFlowError(message)


def load_module(place: str) -> ModuleType:
    """The module in a file, or of a dotted name.

    Raises:
        MissingFlowError: There is no such file or module.
        ScriptError: It raised while it was loaded.
    """
    is_file = place.endswith(".py") or "/" in place or "\\" in place
    return _load_file(Path(place)) if is_file else _load_module(place)


def _only_flow(module: ModuleType, entrypoint: str) -> Any:
    flow_class = load(PUBLIC["Flow"])
    flows = {key: value for key, value in vars(module).items() if isinstance(value, flow_class)}
    if not flows:
        message = f"{entrypoint} has no flow."
        raise MissingFlowError(message)
    if len(flows) > 1:
        message = f"{entrypoint} has the flows {list(flows)}; name one, as {entrypoint}:NAME."
        raise UnspecifiedFlowError(message)
    return next(iter(flows.values()))


def _load_module(name: str) -> ModuleType:
    _make_importable(Path.cwd())
    try:
        return import_module(name)
    except ModuleNotFoundError as error:
        if error.name and (name == error.name or name.startswith(f"{error.name}.")):
            message = f"There is no module {name!r} to load a flow from."
            raise MissingFlowError(message) from None
        raise ScriptError(error, name) from error
    except Exception as error:
        raise ScriptError(error, name) from error


def _load_file(path: Path) -> ModuleType:
    path = path.resolve()
    if not path.is_file():
        message = (
            f"There is no file {path} to load a flow from; the working directory is {Path.cwd()}."
        )
        raise MissingFlowError(message)
    _make_importable(path.parent)
    _make_importable(Path.cwd())
    name = ENTRY_PREFIX + path.stem
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None, "a path that ends in .py has a loader"
    assert spec.loader is not None, "as above"
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # results of its classes are unpickled under this name
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        del sys.modules[name]
        raise ScriptError(error, str(path)) from error
    return module


def _make_importable(directory: Path) -> None:
    if str(directory) not in sys.path:
        sys.path.insert(0, str(directory))
