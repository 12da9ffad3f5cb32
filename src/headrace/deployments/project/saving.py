"""Writing a deployment into the deployment file; what else stands there stays as it is written."""

import os
import re
from collections.abc import Mapping
from io import StringIO
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any, cast

from ruamel.yaml import YAML

from headrace.errors import ConfigurationError

_INDENTED = re.compile(
    r"^\w+:[^\n]*\n +- ", re.MULTILINE
)  # lists stand further right than their key
_NEVER = 10_000  # columns at which lines are broken: texts stay on the line they are on
_ORDER = (
    "name",
    "version",
    "version_type",
    "tags",
    "description",
    "entrypoint",
    "parameters",
    "enforce_parameter_schema",
    "schedules",
    "paused",
    "concurrency_limit",
    "work_pool",
    "build",
    "push",
    "pull",
    "triggers",
    "sla",
)


def save_entry(path: Path, values: Mapping[str, Any]) -> None:
    """Put a deployment into a file: over the one of its name and entrypoint, else after the last.

    Args:
        path: The file; made if there is none.
        values: The deployment, as a file has it.

    Raises:
        ConfigurationError: The file cannot be written, or its `deployments` is no list.
    """
    yaml: Any = YAML()
    yaml.preserve_quotes = True
    yaml.width = _NEVER
    written = path.read_text(encoding="utf-8") if path.exists() else ""
    if _INDENTED.search(written):
        yaml.indent(mapping=2, sequence=4, offset=2)
    document: Any = yaml.load(written)
    if document is None:
        document = {}
    entries: Any = document.get("deployments")
    if entries is None:
        document["deployments"] = entries = []
    if not isinstance(entries, list):
        message = f"{path.name}: `deployments` is no list, so nothing can be added to it"
        raise ConfigurationError(message)
    entry = {name: values[name] for name in _ORDER if values.get(name) not in (None, [], {})}
    same = cast("list[Any]", entries)
    index = next((i for i, one in enumerate(same) if _is_same(one, entry)), None)
    if index is None:
        same.append(entry)
    else:
        same[index] = entry
    text = StringIO()
    yaml.dump(document, text)
    write_whole(path, text.getvalue())


def write_whole(path: Path, text: str) -> None:
    """Write a file so that it is there whole, or as it was.

    Raises:
        ConfigurationError: It cannot be written.
    """
    try:
        with NamedTemporaryFile(
            "w", encoding="utf-8", dir=path.parent, prefix=f".{path.name}", delete=False
        ) as draft:
            draft.write(text)
        mode = path.stat().st_mode & 0o777 if path.exists() else 0o644
        Path(draft.name).chmod(mode)
        os.replace(draft.name, path)  # noqa: PTH105  # the name for what it is
    except OSError as error:
        message = f"{path} cannot be written: {error.strerror}"
        raise ConfigurationError(message) from error


def _is_same(one: object, entry: Mapping[str, Any]) -> bool:
    if not isinstance(one, Mapping):
        return False
    written = cast("Mapping[str, Any]", one)
    return all(written.get(field) == entry.get(field) for field in ("name", "entrypoint"))
