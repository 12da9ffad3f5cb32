"""Finding what belongs to a path: a tree of its parts."""

import re
from collections.abc import Callable
from typing import Generic, TypeVar
from urllib.parse import unquote
from uuid import UUID

T = TypeVar("T")

_PARAMETER = re.compile(r"\{(\w+)(?::(\w+))?\}")
# The form of other workspaces' addresses in the contract; this server has one workspace.
_WORKSPACE = re.compile(r"/api/accounts/[^/]+/workspaces/[^/]+(?=/|$)")


class _Node(Generic[T]):
    __slots__ = ("any_node", "fixed", "uuid_node", "value")

    def __init__(self) -> None:
        self.fixed: dict[str, _Node[T]] = {}
        self.uuid_node: _Node[T] | None = None
        self.any_node: _Node[T] | None = None
        self.value: T | None = None


class PathTree(Generic[T]):
    """Values by path. Fixed parts win over UUIDs, and UUIDs over free text."""

    def __init__(self) -> None:
        self._root: _Node[T] = _Node()

    def place(self, path: str, make: Callable[[], T]) -> T:
        """The value at a path, made when there is none."""
        node = self._root
        for part in _split(path):
            node = _grow(node, part)
        if node.value is None:
            node.value = make()
        return node.value

    def find(self, path: str) -> tuple[T, list[str]] | None:
        """The value at a request's path and the path's parameters, from left to right."""
        parameters: list[str] = []
        value = _walk(self._root, _split(path), 0, parameters)
        if value is None:
            return None
        parameters.reverse()
        return value, parameters


def parameter_names(path: str) -> list[str]:
    """Names of the `{…}` parts of a declared path, from left to right."""
    return [match[1] for match in _PARAMETER.finditer(path)]


def _grow(node: _Node[T], part: str) -> _Node[T]:
    match = _PARAMETER.fullmatch(part)
    if match is None:
        return node.fixed.setdefault(part, _Node())
    if match[2] == "uuid":
        if node.uuid_node is None:
            node.uuid_node = _Node()
        return node.uuid_node
    if node.any_node is None:
        node.any_node = _Node()
    return node.any_node


def strip_prefix(path: str) -> str | None:
    """What follows `/api`, or a workspace's address under it; None outside `/api`."""
    if path.startswith("/api/accounts/"):
        match = _WORKSPACE.match(path)
        if match:
            return path[match.end() :] or "/"
    if path.startswith("/api/") or path == "/api":
        return path[4:]
    return None


def _split(path: str) -> list[str]:
    return path.strip("/").split("/")


def _walk(node: _Node[T], parts: list[str], at: int, found: list[str]) -> T | None:
    if at == len(parts):
        return node.value
    part = parts[at]
    child = node.fixed.get(part)
    if child is not None:
        value = _walk(child, parts, at + 1, found)
        if value is not None:
            return value
    if node.uuid_node is not None:
        uuid = canonical_uuid(part)
        if uuid is not None:
            value = _walk(node.uuid_node, parts, at + 1, found)
            if value is not None:
                found.append(uuid)
                return value
    if node.any_node is not None and part:
        value = _walk(node.any_node, parts, at + 1, found)
        if value is not None:
            found.append(unquote(part, errors="replace"))
            return value
    return None


_CANONICAL = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")


def canonical_uuid(text: str) -> str | None:
    """The UUID in lower case with hyphens, or None where the text is none."""
    if _CANONICAL.fullmatch(text):
        return text
    if len(text) not in (32, 36):
        return None
    try:
        return str(UUID(text))
    except ValueError:
        return None
