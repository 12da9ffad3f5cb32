"""The scene of a kill: a server and a worker that are started again whenever they die."""

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil

from bench.rest import Rest
from bench.sides import free_port, own_environment, start_program, stop, wait_healthy

PROGRAM = Path(__file__).parents[1] / "programs" / "victim.py"
POOL = "kills"
LEASE_SECONDS = (
    6.0  # short, so that what waits for its end ends within a trial; a restart is shorter
)
ONLINE_SECONDS = 60.0


class Scene:
    """Real processes around one database; what was killed is started again at once."""

    def __init__(self, directory: Path, database: str, lease_seconds: float) -> None:
        self.lease_seconds = lease_seconds
        self.directory = directory
        self.traces = directory / "traces"
        self.traces.mkdir(parents=True)
        self._database = database
        self._port = free_port()
        self.url = f"http://127.0.0.1:{self._port}/api"
        self._programs: dict[str, subprocess.Popen[bytes]] = {}
        self.rest = Rest(self.url, on_busy=self.revive)
        self._start("server")
        wait_healthy(self.url, self._programs["server"], self._log("server"))
        self.deployment = self._deploy()
        self._start("worker")
        self._wait_online()

    def _log(self, name: str) -> Path:
        return self.directory / f"{name}.log"

    def _environment(self) -> dict[str, str]:
        return own_environment(
            self.directory / "home",
            HEADRACE_API_URL=self.url,
            HEADRACE_SERVER_LEASE_SECONDS=str(self.lease_seconds),
            HEADRACE_SERVER_UNCONFIRMED_LEASE_SECONDS=str(self.lease_seconds),
            KILLS_DIRECTORY=str(self.traces),
        )

    def _command(self, name: str) -> list[str]:
        if name == "server":
            options = ["--database", self._database, "--port", str(self._port)]
            return [sys.executable, "-m", "headrace.server", *options]
        options = ["worker", "start", "--pool", POOL, "--name", "kills"]
        return [sys.executable, "-m", "headrace.cli", *options]

    def _start(self, name: str) -> None:
        process = start_program(self._command(name), self._environment(), self._log(name))
        self._programs[name] = process

    def revive(self) -> None:
        """Start again what is dead."""
        for name, process in list(self._programs.items()):
            if process.poll() is not None:
                self._start(name)

    def pid(self, name: str) -> int:
        """The process id of the server or the worker."""
        return self._programs[name].pid

    def _deploy(self) -> str:
        shutil.copy(PROGRAM, self.directory / "victim.py")
        self.rest.post("/work_pools/", {"name": POOL, "type": "process"})
        flow = self.rest.post("/flows/", {"name": "victim"})
        body = {
            "name": "kills",
            "flow_id": flow["id"],
            "work_pool_name": POOL,
            "path": str(self.directory),
            "entrypoint": "victim.py:victim",
        }
        return self.rest.post("/deployments/", body)["id"]

    def _wait_online(self) -> None:
        deadline = time.monotonic() + ONLINE_SECONDS
        while time.monotonic() < deadline:
            found = self.rest.post(f"/work_pools/{POOL}/workers/filter", {})
            if any(worker["status"] == "ONLINE" for worker in found):
                return
            time.sleep(0.05)
        message = f"the worker did not come online:\n{self._log('worker').read_text()[-2000:]}"
        raise RuntimeError(message)

    def live_slots(self) -> int:
        """Slots of the pool that are taken, as the server counts them."""
        return self.rest.post(f"/work_pools/{POOL}/concurrency_status", {})["active_slots"]

    def strays(self) -> list[int]:
        """Processes of runs that still live: children of the worker that have imported the flow."""
        traced = self.traces / "import"
        seen = (
            {int(line.split()[1]) for line in traced.read_text().splitlines()}
            if traced.exists()
            else set()
        )
        return [pid for pid in seen if _runs(pid)]

    def close(self) -> None:
        """End everything that was started here."""
        self.rest.close()
        for name in ("worker", "server"):
            process = self._programs[name]
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGCONT)
            stop(process)


def _runs(pid: int) -> bool:
    try:
        process = psutil.Process(pid)
        return process.status() != psutil.STATUS_ZOMBIE and "python" in process.name().lower()
    except psutil.NoSuchProcess:
        return False


@contextlib.contextmanager
def scene(directory: Path, database: str, lease_seconds: float = LEASE_SECONDS) -> Iterator[Scene]:
    """A scene, ended whatever happens."""
    built = Scene(directory, database, lease_seconds)
    try:
        yield built
    finally:
        built.close()
