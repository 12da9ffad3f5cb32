"""What a cluster does by itself: jobs make pods, owners take what is theirs with them, time runs out."""

import asyncio
import contextlib
import heapq
import time
from typing import Any
from uuid import uuid4

from tests.stand_ins.kubernetes.store import Json, Listener, Store, moment

_TICK = 0.05  # seconds between looks at what time brings


def condition(type_: str, reason: str = "", message: str = "", status: str = "True") -> Json:
    found: Json = {"type": type_, "status": status, "lastTransitionTime": moment()}
    if reason:
        found["reason"] = reason
    if message:
        found["message"] = message
    return found


def holds(obj: Json, type_: str) -> bool:
    conditions = obj.get("status", {}).get("conditions", [])
    return any(c["type"] == type_ and c["status"] == "True" for c in conditions)


def is_finished(job: Json) -> bool:
    return holds(job, "Complete") or holds(job, "Failed")


class Controllers:
    """The job controller, the collector of garbage and the one that removes finished jobs."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._listener = Listener()
        store.listeners.add(self._listener)
        self._due: list[tuple[float, str, str]] = []  # when, namespace, name of a job
        self._began: dict[str, float] = {}  # by a job's uid: seconds
        self._ended: dict[str, float] = {}
        self._seen: dict[str, dict[str, str]] = {}  # by a job's uid: its pods' phases

    async def run(self) -> None:
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_TICK):
                    _, what, resource, obj = await self._listener.changes.get()
                    self._react(what, resource, obj)
            while self._due and self._due[0][0] <= time.time():
                _, namespace, name = heapq.heappop(self._due)
                job = self._store.find("jobs", namespace, name)
                if job is not None:
                    self._reconcile(job)

    def _react(self, what: str, resource: str, obj: Json) -> None:
        meta = obj["metadata"]
        if what == "DELETED":
            for of, dependent in self._store.dependents(meta["uid"]):
                self.delete(of, dependent, "Background")
        if resource == "jobs" and what != "DELETED":
            now = self._store.find("jobs", meta["namespace"], meta["name"])
            if now is not None:
                self._reconcile(now)
        for owner in meta.get("ownerReferences", ()):
            job = self._store.find("jobs", meta.get("namespace", ""), owner["name"])
            if job is not None and job["metadata"]["uid"] == owner["uid"]:
                self._reconcile(job)
            elif what == "ADDED" and self._store.find(resource, meta["namespace"], meta["name"]):
                self.delete(resource, obj, "Background")  # its owner went before it came

    def delete(
        self, resource: str, obj: Json, propagation: str, grace: int | None = None
    ) -> Json | None:
        """Delete an object as the API does; what is left of it for now."""
        if resource == "pods":
            return self._delete_pod(obj, grace)
        if propagation == "Orphan":
            for of, dependent in self._store.dependents(obj["metadata"]["uid"]):
                self._store.change(of, dependent, lambda o: o["metadata"].pop("ownerReferences"))
        if propagation == "Foreground" and self._store.dependents(obj["metadata"]["uid"]):
            mark = {"deletionTimestamp": moment(), "finalizers": ["foregroundDeletion"]}
            return self._store.change(resource, obj, lambda o: o["metadata"].update(mark))
        self._store.remove(resource, obj)
        return None

    def _delete_pod(self, pod: Json, grace: int | None) -> Json | None:
        asked = pod["spec"].get("terminationGracePeriodSeconds", 30) if grace is None else grace
        over = pod.get("status", {}).get("phase") in {"Succeeded", "Failed"}
        if asked == 0 or over or not pod["spec"].get("nodeName"):
            self._store.remove("pods", pod)
            return None

        def mark(o: Json) -> None:
            before = o["metadata"].get("deletionGracePeriodSeconds")
            seconds = asked if before is None else min(before, asked)
            o["metadata"]["deletionGracePeriodSeconds"] = seconds
            o["metadata"]["deletionTimestamp"] = moment(time.time() + seconds)

        return self._store.change("pods", pod, mark)

    # Jobs.

    def _reconcile(self, job: Json) -> None:
        meta, spec = job["metadata"], job["spec"]
        own = [(of, obj) for of, obj in self._store.dependents(meta["uid"])]
        pods = [obj for of, obj in own if of == "pods"]
        if "deletionTimestamp" in meta:
            for pod in pods:
                if "deletionTimestamp" not in pod["metadata"]:
                    self.delete("pods", pod, "Background")
            if not pods:
                self._store.remove("jobs", job)
            return
        if is_finished(job):
            self._expire(job)
            return
        if spec.get("suspend"):
            return
        if meta["uid"] not in self._began:
            self._start(job)
            return
        if self._is_out_of_time(job):
            for pod in pods:
                self.delete("pods", pod, "Background")
            self._finish(
                job, "Failed", "DeadlineExceeded", "Job was active longer than specified deadline"
            )
            return
        self._count(job, spec, pods)

    def _start(self, job: Json) -> None:
        now = time.time()
        if job["spec"].get("activeDeadlineSeconds"):
            self._remind(job, now + job["spec"]["activeDeadlineSeconds"])
        self._began[job["metadata"]["uid"]] = now
        mark = {"startTime": moment(), "active": 0}
        self._store.change("jobs", job, lambda o: o.setdefault("status", {}).update(mark))

    def _is_out_of_time(self, job: Json) -> bool:
        longest = job["spec"].get("activeDeadlineSeconds")
        return bool(longest) and time.time() >= self._began[job["metadata"]["uid"]] + longest

    def _count(self, job: Json, spec: Json, pods: list[Json]) -> None:
        phases = [pod.get("status", {}).get("phase", "Pending") for pod in pods]
        seen = self._seen.get(job["metadata"]["uid"], {}) | {
            p["metadata"]["uid"]: f for p, f in zip(pods, phases, strict=True)
        }
        # A pod that vanished before it was over has failed.
        live = {p["metadata"]["uid"] for p in pods}
        over = {"Succeeded", "Failed"}
        seen = {uid: f if uid in live or f in over else "Failed" for uid, f in seen.items()}
        self._seen[job["metadata"]["uid"]] = seen
        counts = list(seen.values())
        failed, succeeded = counts.count("Failed"), counts.count("Succeeded")
        active = len(counts) - failed - succeeded
        status = {"failed": failed, "succeeded": succeeded, "active": active}
        done = self._store.change("jobs", job, lambda o: o["status"].update(status))
        if done is None:
            return
        if succeeded >= spec.get("completions", 1):
            self._finish(done, "Complete", "CompletionsReached", "Reached expected number of pods")
        elif failed > spec.get("backoffLimit", 6):
            said = "Job has reached the specified backoff limit"
            self._finish(done, "Failed", "BackoffLimitExceeded", said)
        elif not active:
            self._make_pod(done)

    def _make_pod(self, job: Json) -> None:
        meta, template = job["metadata"], job["spec"]["template"]
        own = {
            "job-name": meta["name"],
            "batch.kubernetes.io/job-name": meta["name"],
            "controller-uid": meta["uid"],
            "batch.kubernetes.io/controller-uid": meta["uid"],
        }
        owner = {
            "apiVersion": "batch/v1",
            "kind": "Job",
            "name": meta["name"],
            "uid": meta["uid"],
            "controller": True,
            "blockOwnerDeletion": True,
        }
        labels = (template.get("metadata") or {}).get("labels") or {}
        self._store.create(
            "pods",
            {
                "metadata": {
                    "name": f"{meta['name'][:57]}-{uuid4().hex[:5]}",
                    "namespace": meta["namespace"],
                    "labels": labels | own,
                    "annotations": (template.get("metadata") or {}).get("annotations") or {},
                    "ownerReferences": [owner],
                },
                "spec": template["spec"],
                "status": {"phase": "Pending"},
            },
        )

    def _finish(self, job: Json, type_: str, reason: str, message: str) -> None:
        def mark(o: Json) -> None:
            o["status"].setdefault("conditions", []).append(condition(type_, reason, message))
            o["status"]["completionTime"] = moment()
            o["status"]["active"] = 0

        self._ended[job["metadata"]["uid"]] = time.time()
        self._store.change("jobs", job, mark)

    def _expire(self, job: Json) -> None:
        ttl = job["spec"].get("ttlSecondsAfterFinished")
        if ttl is None:
            return
        due = self._ended.setdefault(job["metadata"]["uid"], time.time()) + ttl
        if due <= time.time():
            self.delete("jobs", job, "Background")
        else:
            self._remind(job, due)

    def _remind(self, job: Json, when: float) -> None:
        entry = (when, job["metadata"]["namespace"], job["metadata"]["name"])
        if entry not in self._due[-8:]:
            heapq.heappush(self._due, entry)


def note(store: Store, obj: Json, kind: str, reason: str, message: str) -> None:
    """Record an event about an object."""
    meta = obj["metadata"]
    body: dict[str, Any] = {
        "metadata": {
            "name": f"{meta['name'][:200]}.{uuid4().hex[:16]}",
            "namespace": meta["namespace"],
        },
        "involvedObject": {
            "kind": obj["kind"],
            "name": meta["name"],
            "namespace": meta["namespace"],
            "uid": meta["uid"],
        },
        "type": kind,
        "reason": reason,
        "message": message,
        "count": 1,
        "lastTimestamp": moment(),
    }
    store.create("events", body)
