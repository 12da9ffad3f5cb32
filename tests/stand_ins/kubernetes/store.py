"""The objects of the stand-in cluster: versions, watches, pages, owners."""

import asyncio
import copy
import json
import re
from base64 import b64decode, b64encode
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

Json = dict[str, Any]
Key = tuple[str, str, str]  # resource, namespace, name

KINDS = {
    "namespaces": ("v1", "Namespace"),
    "pods": ("v1", "Pod"),
    "secrets": ("v1", "Secret"),
    "events": ("v1", "Event"),
    "configmaps": ("v1", "ConfigMap"),
    "jobs": ("batch/v1", "Job"),
}
UNSCOPED = {"namespaces"}


class Refusal(Exception):
    """An answer that is no success, as the API words it."""

    def __init__(self, code: int, reason: str, message: str) -> None:
        self.code, self.reason, self.message = code, reason, message
        super().__init__(message)

    @property
    def status(self) -> Json:
        return {
            "kind": "Status",
            "apiVersion": "v1",
            "metadata": {},
            "status": "Failure",
            "message": self.message,
            "reason": self.reason,
            "code": self.code,
        }


def missing(resource: str, name: str) -> Refusal:
    return Refusal(404, "NotFound", f'{resource} "{name}" not found')


def moment(seconds: float | None = None) -> str:
    now = datetime.now(UTC) if seconds is None else datetime.fromtimestamp(seconds, UTC)
    return now.strftime("%Y-%m-%dT%H:%M:%SZ")


@dataclass(eq=False)
class Listener:
    """Gets each change that is made from now on."""

    resource: str | None = None
    changes: asyncio.Queue[tuple[int, str, str, Json]] = field(default_factory=asyncio.Queue)


class Store:
    """All objects, with the history that watches begin in."""

    def __init__(self) -> None:
        self.version = 1000
        self.objects: dict[Key, Json] = {}
        self.history: deque[tuple[int, str, str, Json]] = deque(maxlen=20_000)
        self.oldest = 1000  # what is older is compacted
        self.listeners: set[Listener] = set()
        self.pages: dict[str, list[Json]] = {}
        self.owned: dict[str, set[Key]] = {}

    # One object.

    def get(self, resource: str, namespace: str, name: str) -> Json:
        found = self.objects.get((resource, namespace, name))
        if found is None:
            raise missing(resource, name)
        return found

    def find(self, resource: str, namespace: str, name: str) -> Json | None:
        return self.objects.get((resource, namespace, name))

    def create(self, resource: str, obj: Json) -> Json:
        obj = copy.deepcopy(obj)
        meta = obj.setdefault("metadata", {})
        if "name" not in meta and meta.get("generateName"):
            meta["name"] = f"{meta['generateName']}{uuid4().hex[:5]}"
        namespace = "" if resource in UNSCOPED else meta.get("namespace", "default")
        key = (resource, namespace, meta["name"])
        if key in self.objects:
            message = f'{resource} "{meta["name"]}" already exists'
            raise Refusal(409, "AlreadyExists", message)
        if namespace and ("namespaces", "", namespace) not in self.objects:
            raise missing("namespaces", namespace)
        meta.setdefault("uid", str(uuid4()))
        meta.setdefault("creationTimestamp", moment())
        for owner in meta.get("ownerReferences", ()):
            self.owned.setdefault(owner["uid"], set()).add(key)
        return self._put("ADDED", key, obj)

    def update(self, resource: str, obj: Json, *, unless_changed: bool = False) -> Json:
        meta = obj["metadata"]
        key = (resource, meta.get("namespace", ""), meta["name"])
        before = self.objects.get(key)
        if before is None or before["metadata"]["uid"] != meta["uid"]:
            raise missing(resource, meta["name"])
        if unless_changed and meta.get("resourceVersion") != before["metadata"]["resourceVersion"]:
            message = (
                f'Operation cannot be fulfilled on {resource} "{meta["name"]}": it was modified'
            )
            raise Refusal(409, "Conflict", message)
        return self._put("MODIFIED", key, copy.deepcopy(obj))

    def change(self, resource: str, obj: Json, change: Callable[[Json], object]) -> Json | None:
        """Apply a change to the newest version; None where the object is gone."""
        meta = obj["metadata"]
        now = self.objects.get((resource, meta.get("namespace", ""), meta["name"]))
        if now is None or now["metadata"]["uid"] != meta["uid"]:
            return None
        fresh = copy.deepcopy(now)
        change(fresh)
        return fresh if fresh == now else self.update(resource, fresh)

    def remove(self, resource: str, obj: Json) -> None:
        meta = obj["metadata"]
        key = (resource, meta.get("namespace", ""), meta["name"])
        found = self.objects.get(key)
        if found is None or found["metadata"]["uid"] != meta["uid"]:
            return
        del self.objects[key]
        last = copy.deepcopy(found)
        self._record("DELETED", resource, last)

    def dependents(self, uid: str) -> list[tuple[str, Json]]:
        found = ((key[0], self.objects.get(key)) for key in self.owned.get(uid, ()))
        return [(resource, obj) for resource, obj in found if obj is not None]

    def _put(self, what: str, key: Key, obj: Json) -> Json:
        version, kind = KINDS[key[0]]
        obj["apiVersion"], obj["kind"] = version, kind
        self.objects[key] = obj
        self._record(what, key[0], obj)
        return obj

    def _record(self, what: str, resource: str, obj: Json) -> None:
        self.version += 1
        obj["metadata"]["resourceVersion"] = str(self.version)
        if len(self.history) == self.history.maxlen:
            self.oldest = self.history[0][0]
        change = (self.version, what, resource, obj)
        self.history.append(change)
        for listener in self.listeners:
            if listener.resource in {None, resource}:
                listener.changes.put_nowait(change)

    # Many.

    def select(self, resource: str, namespace: str | None, labels: str, fields: str) -> list[Json]:
        wanted = (
            obj
            for (of, place, _), obj in self.objects.items()
            if of == resource and namespace in {None, place}
        )
        found = [obj for obj in wanted if matches(obj, labels, fields)]
        return sorted(
            found, key=lambda o: (o["metadata"].get("namespace", ""), o["metadata"]["name"])
        )

    def page(self, found: Callable[[], list[Json]], limit: int, token: str) -> Json:
        """One page of a list; the following pages are of the same moment."""
        if token:
            name, start = json.loads(b64decode(token))
            items = self.pages.get(name)
            if items is None:
                message = "The provided continue parameter is too old"
                raise Refusal(410, "Expired", message)
        else:
            items, start, name = found(), 0, uuid4().hex
        end = start + limit if limit else len(items)
        meta: Json = {"resourceVersion": str(self.version)}
        if end < len(items):
            self.pages[name] = items
            meta["continue"] = b64encode(json.dumps([name, end]).encode()).decode()
            meta["remainingItemCount"] = len(items) - end
        return {"metadata": meta, "items": items[start:end]}

    def compact(self) -> None:
        """Forget all history: pages and watches of before are refused."""
        self.history.clear()
        self.pages.clear()
        self.oldest = self.version

    def since(self, version: int, resource: str) -> Iterator[tuple[int, str, Json]]:
        if version < self.oldest and version != 0:
            raise Refusal(410, "Expired", f"too old resource version: {version} ({self.oldest})")
        for at, what, of, obj in list(self.history):
            if at > version and of == resource:
                yield at, what, obj


def matches(obj: Json, labels: str, fields: str) -> bool:
    own = obj["metadata"].get("labels") or {}
    return all(_label(own, part) for part in _split(labels)) and all(
        _field(obj, part) for part in _split(fields)
    )


def _split(selector: str) -> list[str]:
    return [part.strip() for part in re.split(r",(?![^(]*\))", selector) if part.strip()]


def _label(own: dict[str, str], part: str) -> bool:
    inside = re.fullmatch(r"(\S+)\s+(in|notin)\s+\((.*)\)", part)
    if inside:
        values = {value.strip() for value in inside[3].split(",")}
        return (own.get(inside[1]) in values) is (inside[2] == "in")
    if "!=" in part:
        name, _, value = part.partition("!=")
        return own.get(name) != value
    if "=" in part:
        name, _, value = part.partition("=")
        return own.get(name.strip()) == value.lstrip("=").strip()
    return part[1:] not in own if part.startswith("!") else part in own


def _field(obj: Json, part: str) -> bool:
    path, _, value = part.partition("=")
    found: Any = obj
    for name in path.split("."):
        found = found.get(name, "") if isinstance(found, dict) else ""
    return str(found) == value.lstrip("=")
