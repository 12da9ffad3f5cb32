"""The stand-in's HTTP: the API's paths, and a door for tests under `/_control`."""

import asyncio
import contextlib
import copy
import json
import re
import time
from base64 import b64encode
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl

import jsonpatch

from tests.stand_ins.kubernetes.checks import check
from tests.stand_ins.kubernetes.controllers import Controllers
from tests.stand_ins.kubernetes.kubelet import Kubelet
from tests.stand_ins.kubernetes.store import (
    KINDS,
    UNSCOPED,
    Json,
    Listener,
    Refusal,
    Store,
    matches,
    missing,
)

Send = Callable[[Any], Awaitable[None]]
Receive = Callable[[], Awaitable[Any]]
_PATH = re.compile(
    r"/(?:api/v1|apis/batch/v1)(?:/namespaces/(?P<ns>[^/]+))?(?:/(?P<res>[a-z]+)(?:/(?P<name>[^/]+)(?:/(?P<sub>[a-z]+))?)?)?"
)
_BOOKMARKS = 1.0  # seconds between bookmarks


@dataclass
class Request:
    method: str
    path: str
    query: dict[str, str]
    body: bytes
    content_type: str
    receive: Receive

    @property
    def json(self) -> Any:
        return json.loads(self.body) if self.body else {}


class Api:
    """The ASGI application.

    Args:
        token: What callers must show, if anything.
    """

    def __init__(
        self, store: Store, controllers: Controllers, kubelet: Kubelet, token: str
    ) -> None:
        self.store, self.controllers, self.kubelet = store, controllers, kubelet
        self.token = token
        self.faults: list[Json] = []
        self.requests: list[Json] = []

    async def __call__(self, scope: Any, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        body = b""
        while True:
            message = await receive()
            body += message.get("body", b"")
            if not message.get("more_body"):
                break
        headers = {k.decode().lower(): v.decode() for k, v in scope["headers"]}
        query = dict(parse_qsl(scope["query_string"].decode(), keep_blank_values=True))
        request = Request(
            scope["method"], scope["path"], query, body, headers.get("content-type", ""), receive
        )
        try:
            await self._answer(request, headers.get("authorization", ""), send)
        except Refusal as refusal:
            extra = {"Retry-After": "1"} if refusal.code == 429 else {}
            await reply(send, refusal.code, refusal.status, extra)

    async def _answer(self, request: Request, authorization: str, send: Send) -> None:
        if request.path.startswith("/_control/"):
            await reply(send, 200, self._control(request))
            return
        watch = request.query.get("watch") in {"true", "1"}
        self.requests.append(
            {"method": request.method, "path": request.path, "query": request.query}
        )
        fault = self._fault(request)
        if fault is not None and fault.get("when", "before") == "before":
            await self._fail(fault, send)
            return
        if self.token and authorization != f"Bearer {self.token}":
            raise Refusal(401, "Unauthorized", "Unauthorized")
        if request.path in DISCOVERY:
            await reply(send, 200, DISCOVERY[request.path])
            return
        resource, namespace, name, sub = _target(request.path)
        if sub == "log":
            await self._log(request, namespace or "", name or "", send)
        elif watch:
            await self._watch(request, resource, namespace, send)
        else:
            status, body, warnings = self._act(request, resource, namespace, name, sub)
            if fault is not None:  # it was done, and nobody hears of it
                await self._fail(fault, send)
                return
            said = ", ".join(f'299 - "{warning}"' for warning in warnings)
            await reply(send, status, body, {"Warning": said} if said else None)

    def _act(
        self,
        request: Request,
        resource: str,
        namespace: str | None,
        name: str | None,
        sub: str | None,
    ) -> tuple[int, Json, list[str]]:
        place = "" if resource in UNSCOPED else namespace or ""
        method = request.method
        if name is None:
            if method == "POST":
                return self._create(request, resource, place)
            if method == "DELETE":
                return 200, self._delete_all(request, resource, namespace), []
            return 200, self._list(request, resource, namespace), []
        if method == "GET":
            return 200, self.store.get(resource, place, name), []
        if method == "DELETE":
            return 200, self._delete(request, resource, self.store.get(resource, place, name)), []
        before = self.store.get(resource, place, name)
        after = self._changed(request, copy.deepcopy(before))
        after["apiVersion"], after["kind"] = before["apiVersion"], before["kind"]
        if sub is None:
            after["status"] = before.get("status", {})
        if not after.get("status"):
            after.pop("status", None)
        warnings = check(resource, after, request.query.get("fieldValidation", "Warn"))
        strict = method == "PUT" and "resourceVersion" in after["metadata"]
        return 200, self.store.update(resource, after, unless_changed=strict), warnings

    def _changed(self, request: Request, before: Json) -> Json:
        if request.method == "PUT":
            after = request.json
            after["metadata"].setdefault("uid", before["metadata"]["uid"])
            return after
        if request.method != "PATCH":
            raise Refusal(405, "MethodNotAllowed", "the server does not allow this method")
        if "json-patch" in request.content_type:
            return jsonpatch.apply_patch(before, request.json)
        return merge(before, request.json)

    def _create(self, request: Request, resource: str, place: str) -> tuple[int, Json, list[str]]:
        obj = request.json
        version, kind = KINDS[resource]
        obj.setdefault("apiVersion", version)
        obj.setdefault("kind", kind)
        if place:
            obj.setdefault("metadata", {}).setdefault("namespace", place)
            if obj["metadata"]["namespace"] != place:
                message = "the namespace of the provided object does not match the request"
                raise Refusal(400, "BadRequest", message)
        warnings = check(resource, obj, request.query.get("fieldValidation", "Warn"))
        obj.pop("status", None)
        if resource == "secrets":
            texts = obj.pop("stringData", {})
            data = {k: b64encode(v.encode()).decode() for k, v in texts.items()}
            obj["data"] = obj.get("data", {}) | data
        return 201, self.store.create(resource, obj), warnings

    def _list(self, request: Request, resource: str, namespace: str | None) -> Json:
        query = request.query

        def found() -> list[Json]:
            labels, fields = query.get("labelSelector", ""), query.get("fieldSelector", "")
            return self.store.select(resource, namespace, labels, fields)

        page = self.store.page(found, int(query.get("limit") or 0), query.get("continue", ""))
        version, kind = KINDS[resource]
        return {"apiVersion": version, "kind": f"{kind}List", **page}

    def _delete(self, request: Request, resource: str, obj: Json) -> Json:
        given = request.json or {}
        default = "Orphan" if resource == "jobs" else "Background"
        propagation = request.query.get("propagationPolicy") or given.get("propagationPolicy")
        grace = request.query.get("gracePeriodSeconds", given.get("gracePeriodSeconds"))
        left = self.controllers.delete(
            resource, obj, propagation or default, None if grace is None else int(grace)
        )
        return left or obj

    def _delete_all(self, request: Request, resource: str, namespace: str | None) -> Json:
        labels, fields = (
            request.query.get("labelSelector", ""),
            request.query.get("fieldSelector", ""),
        )
        found = self.store.select(resource, namespace, labels, fields)
        for obj in found:
            self._delete(request, resource, obj)
        version, kind = KINDS[resource]
        return {"apiVersion": version, "kind": f"{kind}List", "metadata": {}, "items": found}

    # Streams.

    async def _watch(
        self, request: Request, resource: str, namespace: str | None, send: Send
    ) -> None:
        query = request.query
        labels, fields = query.get("labelSelector", ""), query.get("fieldSelector", "")
        seconds = float(query.get("timeoutSeconds") or 300)
        listener = Listener(resource)
        self.store.listeners.add(listener)
        gone = asyncio.create_task(_hung_up(request.receive))
        try:
            await _start_stream(send, "application/json")
            version = int(query.get("resourceVersion") or 0)
            try:
                if not version:
                    for obj in self.store.select(resource, namespace, labels, fields):
                        await _line(send, {"type": "ADDED", "object": obj})
                for at, what, obj in self.store.since(version or self.store.version, resource):
                    version = at
                    await self._tell(send, what, obj, namespace, labels, fields)
            except Refusal as refusal:
                await _line(send, {"type": "ERROR", "object": refusal.status})
                return
            end = time.monotonic() + seconds
            while (left := end - time.monotonic()) > 0 and not gone.done():
                get = asyncio.create_task(listener.changes.get())
                wait = min(left, _BOOKMARKS)
                await asyncio.wait({get, gone}, timeout=wait, return_when=asyncio.FIRST_COMPLETED)
                if not get.done():
                    get.cancel()
                    if query.get("allowWatchBookmarks") in {"true", "1"} and not gone.done():
                        await _line(send, _bookmark(resource, self.store.version))
                    continue
                at, what, _, obj = get.result()
                if at > version:
                    await self._tell(send, what, obj, namespace, labels, fields)
        finally:
            gone.cancel()
            self.store.listeners.discard(listener)
            with contextlib.suppress(Exception):
                await send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _tell(
        self, send: Send, what: str, obj: Json, namespace: str | None, labels: str, fields: str
    ) -> None:
        here = namespace in {None, obj["metadata"].get("namespace")}
        if here and matches(obj, labels, fields):
            await _line(send, {"type": what, "object": obj})

    async def _log(self, request: Request, namespace: str, name: str, send: Send) -> None:
        pod = self.store.get("pods", namespace, name)
        container = request.query.get("container") or pod["spec"]["containers"][0]["name"]
        log = self.kubelet.logs.get((pod["metadata"]["uid"], container))
        state = next(
            (
                s["state"]
                for s in pod["status"].get("containerStatuses", [])
                if s["name"] == container
            ),
            {},
        )
        if log is None or not {"running", "terminated"} & state.keys():
            said = f'container "{container}" in pod "{name}" is waiting to start: ContainerCreating'
            raise Refusal(400, "BadRequest", said)
        query = request.query
        since = 0
        if query.get("sinceSeconds"):
            since = time.time_ns() - int(query["sinceSeconds"]) * 10**9
        lines = [line for line in log.lines if line[0] >= since]
        if query.get("tailLines"):
            lines = lines[len(lines) - min(len(lines), int(query["tailLines"])) :]
        stamped = query.get("timestamps") in {"true", "1"}
        follow = query.get("follow") in {"true", "1"}
        gone = asyncio.create_task(_hung_up(request.receive))
        try:
            await _start_stream(send, "text/plain")
            await _raw(send, b"".join(_log_line(line, stamped) for line in lines))
            shown_lines = len(log.lines)
            while follow and not gone.done():
                fresh = log.lines[shown_lines:]
                shown_lines += len(fresh)
                await _raw(send, b"".join(_log_line(line, stamped) for line in fresh))
                if log.is_over and shown_lines == len(log.lines):
                    break
                log.changed.clear()
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(0.5):
                        await log.changed.wait()
        finally:
            gone.cancel()
            with contextlib.suppress(Exception):
                await send({"type": "http.response.body", "body": b"", "more_body": False})

    # For tests.

    def _fault(self, request: Request) -> Json | None:
        for fault in self.faults:
            fits = re.fullmatch(fault["method"], request.method)
            if fits and fault["times"] > 0 and re.search(fault["path"], request.path):
                fault["times"] -= 1
                return fault
        return None

    async def _fail(self, fault: Json, send: Send) -> None:
        status = fault["status"]
        if status == 0:  # no answer at all
            raise ConnectionAbortedError
        reasons = {429: "TooManyRequests", 410: "Expired", 409: "Conflict", 403: "Forbidden"}
        raise Refusal(
            status, reasons.get(status, "InternalError"), fault.get("message", "injected")
        )

    def _control(self, request: Request) -> Any:
        what, _, rest = request.path.removeprefix("/_control/").partition("/")
        if what == "faults":
            self.faults = request.json
        elif what == "requests":
            found, self.requests = self.requests, []
            return found
        elif what == "objects":
            for resource, obj in request.json:
                self.store.create(resource, obj)
        elif what == "all":
            return [obj for (res, _, _), obj in self.store.objects.items() if res == rest]
        elif what == "compact":
            self.store.compact()
        elif what == "lose":
            self.kubelet.lose(rest)
        elif what == "evict":
            self.kubelet.evict(*rest.split("/"))
        elif what == "images":
            self.kubelet.images |= request.json
        else:
            raise missing("control", what)
        return {}


async def reply(
    send: Send, status: int, body: Any, headers: Mapping[str, str] | None = None
) -> None:
    raw = json.dumps(body).encode()
    given = {"content-type": "application/json", "content-length": str(len(raw)), **(headers or {})}
    pairs = [(k.lower().encode(), v.encode()) for k, v in given.items()]
    await send({"type": "http.response.start", "status": status, "headers": pairs})
    await send({"type": "http.response.body", "body": raw})


def _target(path: str) -> tuple[str, str | None, str | None, str | None]:
    """The resource, namespace, name and part that a path is about."""
    found = _PATH.fullmatch(path)
    resource = found["res"] or "namespaces" if found else ""
    if found is None or resource not in KINDS:
        raise Refusal(404, "NotFound", "the server could not find the requested resource")
    if found["res"] is None:
        return resource, None, found["ns"], None
    return resource, found["ns"], found["name"], found["sub"]


def merge(target: Any, changes: Any) -> Any:
    """RFC 7396."""
    if not isinstance(changes, dict):
        return changes
    merged = dict(target) if isinstance(target, dict) else {}
    for name, value in changes.items():
        if value is None:
            merged.pop(name, None)
        else:
            merged[name] = merge(merged.get(name), value)
    return merged


def _log_line(line: tuple[int, bytes], stamped: bool) -> bytes:
    at, text = line
    if not stamped:
        return text
    moment = datetime.fromtimestamp(at // 10**9, UTC).strftime("%Y-%m-%dT%H:%M:%S")
    return f"{moment}.{at % 10**9:09d}Z ".encode() + text


def _bookmark(resource: str, version: int) -> Json:
    api, kind = KINDS[resource]
    meta = {"resourceVersion": str(version)}
    return {"type": "BOOKMARK", "object": {"apiVersion": api, "kind": kind, "metadata": meta}}


async def _start_stream(send: Send, kind: str) -> None:
    headers = [(b"content-type", kind.encode())]
    await send({"type": "http.response.start", "status": 200, "headers": headers})


async def _line(send: Send, body: Json) -> None:
    await _raw(send, json.dumps(body).encode() + b"\n")


async def _raw(send: Send, raw: bytes) -> None:
    if raw:
        await send({"type": "http.response.body", "body": raw, "more_body": True})


async def _hung_up(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


def _resources(version: str, *names: str) -> Json:
    verbs = ["create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"]
    return {
        "kind": "APIResourceList",
        "apiVersion": "v1",
        "groupVersion": version,
        "resources": [
            {
                "name": name,
                "singularName": KINDS[name][1].lower(),
                "namespaced": name not in UNSCOPED,
                "kind": KINDS[name][1],
                "verbs": verbs,
            }
            for name in names
        ],
    }


_BATCH = {
    "name": "batch",
    "versions": [{"groupVersion": "batch/v1", "version": "v1"}],
    "preferredVersion": {"groupVersion": "batch/v1", "version": "v1"},
}
DISCOVERY: dict[str, Json] = {
    "/version": {"major": "1", "minor": "37", "gitVersion": "v1.37.0-stand-in"},
    "/api": {"kind": "APIVersions", "versions": ["v1"], "serverAddressByClientCIDRs": []},
    "/apis": {"kind": "APIGroupList", "apiVersion": "v1", "groups": [_BATCH]},
    "/api/v1": _resources("v1", "namespaces", "pods", "secrets", "events", "configmaps"),
    "/apis/batch": {"kind": "APIGroup", "apiVersion": "v1", **_BATCH},
    "/apis/batch/v1": _resources("batch/v1", "jobs"),
}
