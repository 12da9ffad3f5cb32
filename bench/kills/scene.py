"""The scene of a kill: a server and a worker that are started again whenever they die."""

import contextlib
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import psutil
import psycopg

from bench.kills.grounds.ground import Ground, processes_of
from bench.kills.grounds.process import ProcessGround
from bench.kills.links import Links, Loopback
from bench.rest import TERMINAL, Rest
from bench.sides import free_port, own_environment, start_program, stop, wait_healthy

PROGRAM = Path(__file__).parents[1] / "programs" / "victim.py"
POOL = "kills"
LIMIT = 5  # runs of the pool at once
KEY = "the key of a scene of kills"
ONLINE_SECONDS = 60.0
LEASES = "SELECT id, state_type FROM flow_run WHERE lease_owner IS NOT NULL"
SLOTS = "SELECT count(*) FROM concurrency_slot"

MakeGround = Callable[[Links, Path], Ground]


class Scene:
    """Real processes around one database; what was killed is started again at once.

    Args:
        directory: Where everything is kept.
        database: The server's.
        links: The network.
        make_ground: Makes the place where jobs live; none is the worker's machine.
        lease_seconds: How long leases are; None as the ground has it.
    """

    def __init__(
        self,
        directory: Path,
        database: str,
        links: Links,
        make_ground: MakeGround | None,
        lease_seconds: float | None,
    ) -> None:
        self.directory = directory
        self.traces = directory / "traces"
        self.scratch = directory / "scratch"  # where temporary files go
        for folder in (self.traces, self.scratch):
            folder.mkdir(parents=True)
        self.links = links
        self.ground: Ground = (
            make_ground(links, directory)
            if make_ground
            else ProcessGround(lambda: self.pid("worker"))
        )
        self.lease_seconds = lease_seconds or self.ground.lease_seconds
        self.away: set[str] = set()  # what is dead and stays so for now
        self._database = database
        self._port = free_port()
        self.url = f"http://{links.server_host}:{self._port}/api"
        self._worker_url = f"http://{links.to_server(self._port)}/api"
        self._programs: dict[str, subprocess.Popen[bytes]] = {}
        self.rest = Rest(self.url, on_busy=self.revive, key=KEY)
        self._start("server")
        wait_healthy(self.url, self._programs["server"], self.log_of("server"))
        self.deployment = self._deploy()
        self._start("worker")
        self._wait_online()

    def log_of(self, name: str) -> Path:
        return self.directory / f"{name}.log"

    def _environment(self, name: str) -> dict[str, str]:
        return own_environment(
            self.directory / "home",
            HEADRACE_API_URL=self._worker_url if name == "worker" else self.url,
            HEADRACE_API_KEY=KEY,
            HEADRACE_SERVER_API_KEY=KEY,
            HEADRACE_SERVER_LEASE_SECONDS=str(self.lease_seconds),
            HEADRACE_SERVER_UNCONFIRMED_LEASE_SECONDS=str(self.lease_seconds),
            KILLS_DIRECTORY=str(self.traces),
            TMPDIR=str(self.scratch),
            **self.ground.worker_environment,
        )

    def _command(self, name: str) -> list[str]:
        if name == "server":
            options = ["--database", self._database, "--port", str(self._port)]
            host = ["--host", self.links.server_host]
            return [sys.executable, "-m", "headrace.server", *options, *host]
        options = ["worker", "start", "--pool", POOL, "--name", "kills"]
        return [*self.links.inside("worker"), sys.executable, "-m", "headrace.cli", *options]

    def _start(self, name: str) -> None:
        process = start_program(self._command(name), self._environment(name), self.log_of(name))
        self._programs[name] = process

    def revive(self) -> None:
        """Start again what is dead, unless it is to stay away."""
        for name, process in list(self._programs.items()):
            if name not in self.away and process.poll() is not None:
                self._start(name)
        if "engine" not in self.away:
            self.ground.revive()

    def pid(self, name: str) -> int:
        """The process id of the server or the worker."""
        return self._programs[name].pid

    def _deploy(self) -> str:
        shutil.copy(PROGRAM, self.directory / "victim.py")
        pool = {"name": POOL, "type": self.ground.kind, "concurrency_limit": LIMIT}
        self.rest.post("/work_pools/", pool)
        flow = self.rest.post("/flows/", {"name": "victim"})
        body = {
            "name": "kills",
            "flow_id": flow["id"],
            "work_pool_name": POOL,
            "path": str(self.directory),
            "entrypoint": "victim.py:victim",
            "job_variables": self.ground.job_variables(self.directory, self.traces),
        }
        return self.rest.post("/deployments/", body)["id"]

    def _wait_online(self) -> None:
        deadline = time.monotonic() + ONLINE_SECONDS
        while time.monotonic() < deadline:
            found = self.rest.post(f"/work_pools/{POOL}/workers/filter", {})
            if any(worker["status"] == "ONLINE" for worker in found):
                return
            time.sleep(0.05)
        message = f"the worker did not come online:\n{self.log_of('worker').read_text()[-2000:]}"
        raise RuntimeError(message)

    def lines(self, name: str) -> list[list[str]]:
        """A trace, split into words: what, process, when, run, attempt."""
        file = self.traces / name
        return [line.split() for line in file.read_text().splitlines()] if file.exists() else []

    def runs(self, ids: Sequence[str]) -> dict[str, dict[str, Any]]:
        """These runs as the server tells of them."""
        body = {"flow_runs": {"id": {"any_": list(ids)}}, "limit": 200}
        return {run["id"]: run for run in self.rest.post("/flow_runs/filter", body)}

    def strays(self, ids: Sequence[str]) -> list[int]:
        """Processes of these runs that live."""
        if self.ground.kind != "process":
            return list(processes_of(ids))
        # Forked ones were told of their run after they had begun.
        return [
            pid for pid in {int(w[1]) for w in self.lines("import") if w[3] in ids} if _runs(pid)
        ]

    def left_behind(self, ids: Sequence[str]) -> list[str]:
        """What is left of these runs, which are over: slots, leases, processes, objects, files."""
        found = [f"process {pid}" for pid in self.strays(ids)] + self.ground.left(ids)
        slots = self.rest.post(f"/work_pools/{POOL}/concurrency_status", {})["active_slots"]
        if slots:
            found.append(f"{slots} slots of the pool")
        leases = [row for row in self._rows(LEASES) if str(row[0]) in ids and row[1] in TERMINAL]
        found += [f"the lease of {run}" for run, _ in leases]
        if counted := self._rows(SLOTS)[0][0]:
            found.append(f"{counted} slots of limits")
        return found

    def files(self) -> set[str]:
        """What there is beside the traces: temporary files, outputs of runs, environments."""
        outputs = (self.directory / "home").glob("workers/*/output/*")
        return {str(path) for path in (*self.scratch.iterdir(), *outputs)}

    def _rows(self, query: str) -> list[tuple[Any, ...]]:
        if self._database.startswith("postgresql"):
            with psycopg.connect(self._database) as connection:
                return connection.execute(query.encode()).fetchall()
        with contextlib.closing(sqlite3.connect(f"file:{self._database}?mode=ro", uri=True)) as own:
            return own.execute(query).fetchall()

    def close(self) -> None:
        """End everything that was started here."""
        self.rest.close()
        for name in ("worker", "server"):
            if name not in self._programs:
                continue
            process = self._programs[name]
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGCONT)
            stop(process)
        self.ground.close()


def _runs(pid: int) -> bool:
    try:
        process = psutil.Process(pid)
        return process.status() != psutil.STATUS_ZOMBIE and "python" in process.name().lower()
    except psutil.NoSuchProcess:
        return False


@contextlib.contextmanager
def scene(
    directory: Path,
    database: str,
    lease_seconds: float | None = None,
    *,
    links: Links | None = None,
    make_ground: MakeGround | None = None,
) -> Iterator[Scene]:
    """A scene, ended whatever happens. Without `links` nothing of it can be cut off."""
    built = Scene(directory, database, links or Loopback(), make_ground, lease_seconds)
    try:
        yield built
    finally:
        built.close()
