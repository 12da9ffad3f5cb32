"""Nodes that really run pods: each container is a process group on this machine."""

import asyncio
import contextlib
import os
import re
import signal
import tempfile
import time
from base64 import b64decode
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil

from tests.stand_ins.kubernetes.controllers import condition, note
from tests.stand_ins.kubernetes.store import Json, Listener, Store, moment

_IMAGE = re.compile(r"[a-z0-9][a-z0-9._/:@-]*")
_RETRY = 0.2  # seconds between tries of what a node tries again
_LOOK = 0.05  # seconds between looks at what a container uses
_OOM_CODE = 137
_UNITS = {"Ki": 2**10, "Mi": 2**20, "Gi": 2**30, "k": 1e3, "M": 1e6, "G": 1e9, "m": 1e-3, "": 1.0}


def quantity(text: object) -> float:
    """A quantity as the API writes it."""
    found = re.fullmatch(r"([0-9.]+)([A-Za-z]*)", str(text))
    assert found, text
    return float(found[1]) * _UNITS[found[2]]


@dataclass
class Node:
    """A node: what pods may ask for, and whether anything hears of it."""

    name: str
    cpu: float = 4.0
    memory: float = 8 * 2**30
    is_lost: bool = False


@dataclass
class Log:
    """What a container printed: the nanosecond and the line, with its break if it has one."""

    lines: list[tuple[int, bytes]] = field(default_factory=list)
    changed: asyncio.Event = field(default_factory=asyncio.Event)
    is_over: bool = False

    def add(self, line: bytes) -> None:
        self.lines.append((time.time_ns(), line))
        self.changed.set()


class Kubelet:
    """Runs every pod that comes.

    Args:
        store: The cluster's objects.
        images: Where the programs of each image are: a directory for PATH.
    """

    def __init__(self, store: Store, images: Mapping[str, str]) -> None:
        self.store = store
        self.images = dict(images)
        self.nodes = [Node("node-1")]
        self.logs: dict[tuple[str, str], Log] = {}  # by a pod's uid and a container's name
        self._runs: dict[str, asyncio.Task[None]] = {}
        self._listener = Listener("pods")
        self._stops: dict[str, asyncio.Event] = {}  # set when the pod was asked to end, by its uid
        store.listeners.add(self._listener)

    async def run(self) -> None:
        try:
            while True:
                _, what, _, pod = await self._listener.changes.get()
                uid = pod["metadata"]["uid"]
                if what == "ADDED" and pod["status"].get("phase") == "Pending":
                    self._stops[uid] = asyncio.Event()
                    task = asyncio.create_task(PodRun(self, pod, self._stops[uid]).run())
                    self._runs[uid] = task
                    task.add_done_callback(lambda _, uid=uid: self._runs.pop(uid, None))
                elif uid in self._stops and (
                    what == "DELETED" or "deletionTimestamp" in pod["metadata"]
                ):
                    self._stops[uid].set()
        finally:
            for task in list(self._runs.values()):
                task.cancel()
            await asyncio.gather(*self._runs.values(), return_exceptions=True)

    def lose(self, name: str) -> None:
        """A node does not answer any more; the cluster gives its pods up."""
        for node in self.nodes:
            node.is_lost = node.is_lost or node.name == name
        for pod in self.store.select("pods", None, "", f"spec.nodeName={name}"):
            if pod["status"].get("phase") in {"Succeeded", "Failed"}:
                continue
            said = "Node is not responding, pod was given up"

            def mark(o: Json, said: str = said) -> None:
                o["status"]["phase"] = "Failed"
                o["status"].setdefault("conditions", []).append(
                    condition("DisruptionTarget", "DeletionByPodGC", said)
                )

            gone = self.store.change("pods", pod, mark)
            if gone is not None:
                note(self.store, gone, "Warning", "NodeNotReady", "Node is not ready")
                self.store.remove("pods", gone)

    def evict(self, namespace: str, name: str) -> None:
        """A node is short of memory and ends a pod."""
        pod = self.store.get("pods", namespace, name)
        said = "The node was low on resource: memory."

        def mark(o: Json) -> None:
            o["status"].update(phase="Failed", reason="Evicted", message=said)

        self.store.change("pods", pod, mark)
        note(self.store, pod, "Warning", "Evicted", said)
        self._stops[pod["metadata"]["uid"]].set()


class PodRun:
    """One pod, from its node to its end."""

    def __init__(self, kubelet: Kubelet, pod: Json, stop: asyncio.Event) -> None:
        self._kubelet = kubelet
        self._store = kubelet.store
        self._pod = pod
        self._stop = stop
        self._states: dict[str, Json] = {}
        self._processes: dict[str, asyncio.subprocess.Process] = {}
        self._oom: set[str] = set()

    async def run(self) -> None:
        try:
            node = await self._schedule()
            if node is None:
                return
            for container in self._pod["spec"]["containers"]:
                await self._make(container)
            if self._processes or not self._stop.is_set():
                await self._watch(node)
            else:
                self._forget()  # it was asked to end before anything of it ran
        finally:
            for process in self._processes.values():
                _end_group(process.pid)
            for container in self._pod["spec"]["containers"]:
                self._log(container).is_over = True
                self._log(container).changed.set()

    # On its way.

    async def _schedule(self) -> Node | None:
        said = ""
        while not self._stop.is_set():
            node, why = self._fit()
            if node is not None:

                def mark(o: Json, node: Node = node) -> None:
                    o["spec"]["nodeName"] = node.name
                    o["status"]["startTime"] = moment()
                    _set_condition(o, condition("PodScheduled"))

                self._change(mark)
                return node
            if why != said:
                said = why

                def refuse(o: Json, why: str = why) -> None:
                    _set_condition(o, condition("PodScheduled", "Unschedulable", why, "False"))

                self._change(refuse)
                note(self._store, self._pod, "Warning", "FailedScheduling", why)
            await self._pause()
        return None

    def _fit(self) -> tuple[Node | None, str]:
        wanted = [
            c.get("resources", {}).get("requests", {}) for c in self._pod["spec"]["containers"]
        ]
        cpu = sum(quantity(w.get("cpu", 0)) for w in wanted)
        memory = sum(quantity(w.get("memory", 0)) for w in wanted)
        live = [node for node in self._kubelet.nodes if not node.is_lost]
        fits = [node for node in live if cpu <= node.cpu and memory <= node.memory]
        count = len(live)
        what = "cpu" if live and all(cpu > node.cpu for node in live) else "memory"
        return (
            (fits[0], "")
            if fits
            else (None, f"0/{count} nodes are available: {count} Insufficient {what}.")
        )

    async def _make(self, container: Json) -> None:
        """Start one container, trying again as a node does."""
        tries = 0
        while not self._stop.is_set():
            failure = self._fault_of(container)
            if failure is None:
                await self._start(container)
                return
            reason, message = failure
            if reason == "ErrImagePull" and tries:
                reason, message = (
                    "ImagePullBackOff",
                    f'Back-off pulling image "{container["image"]}"',
                )
            self._set(container, {"waiting": {"reason": reason, "message": message}})
            if tries < 2:
                note(self._store, self._pod, "Warning", "Failed", f"Error: {message}")
            tries += 1
            await self._pause()

    def _fault_of(self, container: Json) -> tuple[str, str] | None:
        image = container["image"]
        if not _IMAGE.fullmatch(image):
            return (
                "InvalidImageName",
                f'Failed to apply default image tag "{image}": invalid reference',
            )
        if image not in self._kubelet.images:
            if container.get("imagePullPolicy") == "Never":
                return (
                    "ErrImageNeverPull",
                    f'Container image "{image}" is not present with pull policy Never',
                )
            return "ErrImagePull", f'failed to pull image "{image}": not found'
        try:
            self._environment(container)
        except LookupError as error:
            return "CreateContainerConfigError", str(error.args[0])
        return None

    def _environment(self, container: Json) -> dict[str, str]:
        found: dict[str, str] = {}
        meta = self._pod["metadata"]
        for entry in container.get("env") or []:
            source = entry.get("valueFrom") or {}
            if "secretKeyRef" in source:
                ref = source["secretKeyRef"]
                secret = self._store.find("secrets", meta["namespace"], ref["name"])
                if secret is None:
                    raise LookupError(f'secret "{ref["name"]}" not found')
                if ref["key"] not in secret.get("data", {}):
                    raise LookupError(f"couldn't find key {ref['key']} in Secret {ref['name']}")
                found[entry["name"]] = b64decode(secret["data"][ref["key"]]).decode()
            elif "fieldRef" in source:
                value: Any = self._pod
                for part in source["fieldRef"]["fieldPath"].split("."):
                    value = value[part]
                found[entry["name"]] = str(value)
            else:
                found[entry["name"]] = entry.get("value", "")
        return found

    async def _start(self, container: Json) -> None:
        home = tempfile.mkdtemp(prefix="pod-")
        path = f"{self._kubelet.images[container['image']]}:/usr/local/bin:/usr/bin:/bin"
        environment = {"PATH": path, "HOME": home, "HOSTNAME": self._pod["metadata"]["name"]}
        environment |= self._environment(container)
        command = [*(container.get("command") or []), *(container.get("args") or [])]
        program = _which(command[0], path) if command else None
        if program is None:
            said = f'exec: "{command[0] if command else ""}": executable file not found in $PATH'
            ended = {"exitCode": 128, "reason": "StartError", "message": said}
            self._set(container, {"terminated": ended})
            note(self._store, self._pod, "Warning", "Failed", f"Error: {said}")
            return
        process = await asyncio.create_subprocess_exec(
            program,
            *command[1:],
            env=environment,
            cwd=container.get("workingDir") or home,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            start_new_session=True,
            limit=2**20,
        )
        self._processes[container["name"]] = process
        self._set(container, {"running": {"startedAt": moment()}})

    # While it runs.

    async def _watch(self, node: Node) -> None:
        ends = [
            asyncio.create_task(self._attend(container))
            for container in self._pod["spec"]["containers"]
            if container["name"] in self._processes
        ]
        over = asyncio.gather(*ends)
        stopped = asyncio.create_task(self._stop.wait())
        try:
            await asyncio.wait({over, stopped}, return_when=asyncio.FIRST_COMPLETED)
            if not over.done():
                await self._end(over)
        finally:
            stopped.cancel()
            over.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await over
        if node.is_lost:
            return
        codes = [state["terminated"]["exitCode"] for state in self._states.values()]
        phase = "Failed" if any(codes) else "Succeeded"

        def mark(o: Json) -> None:
            if o["status"].get("phase") != "Failed":
                o["status"]["phase"] = phase

        self._change(mark)
        self._forget()

    def _forget(self) -> None:
        """The node has nothing of it left: if it is to be deleted, it is."""
        now = self._store.find(
            "pods", self._pod["metadata"]["namespace"], self._pod["metadata"]["name"]
        )
        if now is not None and "deletionTimestamp" in now["metadata"]:
            self._store.remove("pods", now)

    async def _attend(self, container: Json) -> None:
        process = self._processes[container["name"]]
        watcher = asyncio.create_task(self._limit(container, process))
        log = self._log(container)
        try:
            assert process.stdout is not None
            async for line in process.stdout:
                log.add(line)
            code = await process.wait()
        finally:
            watcher.cancel()
        _end_group(process.pid)
        ended: Json = {"exitCode": code if code >= 0 else 128 - code, "finishedAt": moment()}
        ended["reason"] = "Completed" if code == 0 else "Error"
        if container["name"] in self._oom:
            ended |= {"reason": "OOMKilled", "exitCode": _OOM_CODE}
        log.is_over = True
        log.changed.set()
        self._set(container, {"terminated": ended})

    async def _limit(self, container: Json, process: asyncio.subprocess.Process) -> None:
        limit = container.get("resources", {}).get("limits", {}).get("memory")
        if limit is None:
            return
        allowed = quantity(limit)
        while True:
            await asyncio.sleep(_LOOK)
            if _resident(process.pid) > allowed:
                self._oom.add(container["name"])
                _end_group(process.pid)
                return

    async def _end(self, over: asyncio.Future[Any]) -> None:
        """SIGTERM, then SIGKILL when the grace is over, however it changes meanwhile."""
        for process in self._processes.values():
            with contextlib.suppress(ProcessLookupError):
                process.send_signal(signal.SIGTERM)
        began = time.monotonic()
        while not over.done():
            if time.monotonic() - began >= self._grace():
                for process in self._processes.values():
                    _end_group(process.pid)
                await asyncio.wait({over}, timeout=5)
                return
            await asyncio.wait({over}, timeout=_LOOK)

    def _grace(self) -> float:
        meta = self._pod["metadata"]
        now = self._store.find("pods", meta["namespace"], meta["name"])
        if now is None or now["status"].get("phase") == "Failed":
            return 0.0
        return now["metadata"].get("deletionGracePeriodSeconds", 30)

    # What is told.

    def _log(self, container: Json) -> Log:
        return self._kubelet.logs.setdefault(
            (self._pod["metadata"]["uid"], container["name"]), Log()
        )

    def _set(self, container: Json, state: Json) -> None:
        if (
            "running" in state
            or "terminated" in state
            or self._states.get(container["name"]) != state
        ):
            self._states[container["name"]] = state
        images = {c["name"]: c["image"] for c in self._pod["spec"]["containers"]}
        statuses = [
            {
                "name": name,
                "image": image,
                "imageID": "",
                "ready": "running" in self._states.get(name, {}),
                "restartCount": 0,
                "state": self._states.get(name, {"waiting": {"reason": "ContainerCreating"}}),
            }
            for name, image in images.items()
        ]

        def mark(o: Json) -> None:
            o["status"]["containerStatuses"] = statuses
            if any("running" in s["state"] for s in statuses) and o["status"]["phase"] == "Pending":
                o["status"]["phase"] = "Running"
            if all("terminated" in s["state"] for s in statuses):
                bad = any(s["state"]["terminated"]["exitCode"] for s in statuses)
                o["status"]["phase"] = "Failed" if bad else "Succeeded"

        self._change(mark)

    def _change(self, change: Any) -> None:
        if not any(
            n.is_lost and n.name == self._pod["spec"].get("nodeName") for n in self._kubelet.nodes
        ):
            self._store.change("pods", self._pod, change)

    async def _pause(self) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_RETRY):
                await self._stop.wait()


def _set_condition(pod: Json, made: Json) -> None:
    others = [c for c in pod["status"].get("conditions", []) if c["type"] != made["type"]]
    pod["status"]["conditions"] = [*others, made]


def _which(name: str, path: str) -> str | None:
    if "/" in name:
        return name if os.access(name, os.X_OK) else None
    found = (Path(part) / name for part in path.split(":"))
    return next((str(f) for f in found if os.access(f, os.X_OK)), None)


def _end_group(pid: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, signal.SIGKILL)


def _resident(pid: int) -> int:
    with contextlib.suppress(psutil.Error):
        process = psutil.Process(pid)
        return sum(p.memory_info().rss for p in [process, *process.children(recursive=True)])
    return 0
