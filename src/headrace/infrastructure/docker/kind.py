"""The docker kind: every attempt is a container."""

import contextlib
import logging
import threading
import time
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

from headrace.errors import InfrastructureError, InfrastructureUnavailable
from headrace.infrastructure.contract import NAME, Handle, Job, Notify, Phase, Status, Write
from headrace.infrastructure.docker.ends import EndWatch
from headrace.infrastructure.docker.engine import Engine
from headrace.infrastructure.docker.labels import KEEP, Mark
from headrace.infrastructure.docker.outputs import Output, moment_now
from headrace.infrastructure.docker.plan import ContainerPlan, PullPolicy, plan_container
from headrace.infrastructure.docker.states import ELSEWHERE, GONE, NEVER, phase_of, status_of
from headrace.infrastructure.kinds import KindContext

_log = logging.getLogger(__name__)

KIND: Final = "docker"
KEPT_SECONDS = 3600.0  # how long an ended container is there to be looked at, unless it asks to go
_TAIL_LINES = 20  # what a person reads to see why something ended
_ENDERS = 4  # signals sent at one time: an engine may take seconds for one

Key = tuple[str, int]


class DockerInfrastructure:
    """Launches, watches and stops containers.

    Args:
        engine: Where they run.
        context: Whose they are.
    """

    kind = KIND

    def __init__(self, engine: Engine, context: KindContext) -> None:
        self._engine = engine
        self._mark = Mark(context.owner, context.worker, context.pool)
        self._identity = ""
        self._lock = threading.Lock()
        self._known: dict[Key, Handle] = {}
        self._stops: dict[Key, float] = {}  # monotonic: when it is to be dead
        self._outputs: dict[Key, Output] = {}
        self._kept: dict[str, float] = {}  # since when, monotonic, by container
        self._enders = ThreadPoolExecutor(_ENDERS, "container-end")
        self._ends = EndWatch(engine, self._mark, self._ended)

    def launch(self, job: Job) -> Handle:
        """Make and start the attempt's container; the image is pulled before where that is asked for.

        Raises:
            InfrastructureUnavailable: The engine or the registry does not answer.
            InfrastructureError: The configuration, the image or the command cannot be used.
        """
        plan = plan_container(job, is_linux=self._engine.is_here)
        engine = self._engine_identity()
        self._fetch(plan, job)
        if not job.is_wanted():
            message = "its container is not wanted any more"
            raise InfrastructureError(message)
        labels = self._mark.labels(job.run_id, job.epoch, kept=not plan.removed)
        container = self._engine.create(plan, labels)
        try:
            for network in plan.networks[1:]:
                self._engine.join(container, network)
            self._engine.start(container, plan.wait)
        except InfrastructureUnavailable:
            raise  # it may have started: launching it again finds it
        except InfrastructureError:
            self._engine.remove(container)
            raise
        details: dict[str, str | int] = {
            "id": container,
            "engine": engine,
            KEEP: int(not plan.removed),
            NAME: f"{self._engine.url}:{container}",
        }
        handle = job.handle(KIND, details)
        with self._lock:
            self._known[_key(handle)] = handle
        return handle

    def notify(self, callback: Notify) -> None:
        """Also tell `callback` when a container ends."""
        self._ends.tell(callback)

    def adopt(self, handle: Handle, slot: int) -> tuple[Handle, Status] | None:  # noqa: ARG002  # handles say it all
        """Take over an attempt; None where its container never started.

        One that was made and not started goes: whoever was to start it is dead.

        Raises:
            InfrastructureUnavailable: The engine does not answer.
        """
        container = self._find(handle)
        if container is None:
            status = self._absent(handle)
        elif _is_new(container):
            self._engine.remove(str(container["Id"]))
            return None
        else:
            status = status_of(container)
        return None if status.never_ran else (handle, status)

    def poll(self, handle: Handle) -> Status:
        """How the attempt's container is."""
        container = self._find(handle)
        status = self._absent(handle) if container is None else status_of(container)
        self._insist(handle, status)
        return status

    def poll_all(self, handles: Sequence[Handle]) -> Iterable[tuple[Handle, Status]]:
        """How the containers are: one list, and one look at each that has ended."""
        phases = {
            self._mark.read(one): phase_of(str(one["State"]))
            for one in self._engine.listed(self._mark.own)
        }
        found: list[tuple[Handle, Status]] = []
        for handle in handles:
            phase = phases.get(_key(handle))
            if phase is None or phase is Phase.EXITED:
                found.append((handle, self.poll(handle)))
            else:
                status = Status(phase)
                self._insist(handle, status)
                found.append((handle, status))
        return found

    def stop(self, handle: Handle, grace: float) -> None:
        """SIGTERM to the container, SIGKILL when `grace` seconds are over and it is looked at."""
        now = time.monotonic()
        with self._lock:
            before = self._stops.get(_key(handle))
            due = now + grace if before is None else min(now + grace, before)
            self._stops[_key(handle)] = due
        if due <= now:
            self._enders.submit(self._signal, handle, "SIGKILL")
        elif before is None:
            self._enders.submit(self._signal, handle, "SIGTERM")

    def logs(self, handle: Handle) -> list[str]:
        """The last lines of the container's output."""
        try:
            container = self._id(handle)
            return self._engine.last_lines(container, _TAIL_LINES) if container else []
        except InfrastructureError as error:
            _log.info("the last lines of run %s cannot be read: %s", handle.run_id, error)
            return []

    def show(self, handle: Handle, write: Write, *, is_over: bool) -> None:
        """Write what is new of the container's output."""
        container = str(handle.details.get("id") or "")
        if not container:
            return
        key = _key(handle)
        with self._lock:
            output = self._outputs.get(key)
            if output is None:
                # What an earlier process of the worker has shown is not shown again.
                since = "" if key in self._known else moment_now()
                output = self._outputs[key] = Output(self._engine, container, since)
        output.show(write, is_over=is_over)

    def attempts(self) -> Iterable[tuple[Handle, Status]]:
        """All containers that carry this worker's labels."""
        return [
            (self._mark.handle(KIND, one), Status(phase_of(str(one["State"]))))
            for one in self._engine.listed(self._mark.own)
        ]

    def release(self, handle: Handle) -> None:
        """Forget an ended attempt, and remove its container, soon or now as its job has asked."""
        key = _key(handle)
        with self._lock:
            self._known.pop(key, None)
            self._stops.pop(key, None)
            output = self._outputs.pop(key, None)
        if output is not None:
            output.close()
        container = str(handle.details.get("id") or "")
        if not container:
            return
        since = self._kept.setdefault(container, time.monotonic())
        if handle.details.get(KEEP) and time.monotonic() - since < KEPT_SECONDS:
            return
        try:
            self._engine.remove(container)
        except InfrastructureError as error:
            _log.info("the container of run %s stays for now: %s", handle.run_id, error)
            return
        self._kept.pop(container, None)

    def close(self) -> None:
        """Watch no more. Containers go on."""
        self._ends.close()
        with self._lock:
            outputs = list(self._outputs.values())
            self._outputs.clear()
        for output in outputs:
            output.close()
        self._enders.shutdown(wait=True)
        self._engine.close()

    def _fetch(self, plan: ContainerPlan, job: Job) -> None:
        image, policy = plan.image, plan.pull
        if policy in {PullPolicy.NEVER, PullPolicy.IF_NOT_PRESENT} and self._engine.images.has(
            image
        ):
            return
        if policy is PullPolicy.NEVER:
            message = (
                f"the engine has no image {image!r}, and 'image_pull_policy' is Never; build or load "
                "it on the engine's machine, or let it be pulled"
            )
            raise InfrastructureError(message)
        try:
            self._engine.images.pull(image, plan.login, job.is_wanted)
        except InfrastructureError as error:
            may_be_old = policy is PullPolicy.IF_POSSIBLE and job.is_wanted()
            if not may_be_old or not self._engine.images.has(image):
                raise
            _log.warning("run %s takes the image as it is here: %s", job.run_id, error)

    def _find(self, handle: Handle) -> Mapping[str, Any] | None:
        container = self._id(handle)
        return self._engine.inspect(container) if container else None

    def _id(self, handle: Handle) -> str:
        """The container of an attempt: as its handle says, else by its labels; empty for none."""
        known = handle.details.get("id")
        if known:
            return str(known)
        found = self._engine.listed(self._mark.of(handle.run_id, handle.epoch))
        return str(found[0]["Id"]) if found else ""

    def _absent(self, handle: Handle) -> Status:
        if "id" not in handle.details:
            return NEVER
        made_on = handle.details.get("engine", "")
        return GONE if made_on in {"", self._engine_identity()} else ELSEWHERE

    def _engine_identity(self) -> str:
        if not self._identity:
            self._identity = self._engine.identity()
        return self._identity

    def _insist(self, handle: Handle, status: Status) -> None:
        """Kill what was to be dead by now."""
        due = self._stops.get(_key(handle))
        if due is not None and not status.exited and time.monotonic() >= due:
            self._enders.submit(self._signal, handle, "SIGKILL")

    def _signal(self, handle: Handle, name: str) -> None:
        # What cannot be reached now is killed when it can: `poll` insists.
        with contextlib.suppress(InfrastructureUnavailable):
            try:
                container = self._find(handle)
                if container is None:
                    return
                if _is_new(container):  # no signal reaches it, and it must not start any more
                    self._engine.remove(str(container["Id"]))
                else:
                    self._engine.signal(str(container["Id"]), name)
            except InfrastructureUnavailable:
                raise
            except InfrastructureError as error:
                _log.warning("run %s: %s", handle.run_id, error)

    def _ended(self, key: Key, container: str) -> tuple[Handle, Status] | None:
        """What became of a container that the engine says has ended; None where it is nobody's."""
        with self._lock:
            handle = self._known.get(key)
        if handle is None or handle.details.get("id") != container:
            return None
        return handle, self.poll(handle)


def make_docker(context: KindContext) -> DockerInfrastructure:
    """Containers of the engine that `DOCKER_HOST` names, or of this machine's."""
    return DockerInfrastructure(Engine(), context)


def _is_new(container: Mapping[str, Any]) -> bool:
    """Whether it was made and never started."""
    return phase_of(str(container["State"]["Status"])) is Phase.STARTING


def _key(handle: Handle) -> Key:
    return handle.run_id, handle.epoch
