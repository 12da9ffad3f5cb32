"""A server, one pool with three queues, and many workers: real processes, one history."""

import contextlib
import random
import shutil
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bench.queues.history import Held, Queue
from bench.rest import TERMINAL, Rest
from bench.sides import free_port, own_environment, start_program, stop, wait_healthy

PROGRAM = Path(__file__).parents[1] / "programs" / "nap.py"
POOL = "crowded"
POOL_LIMIT = 10
QUEUES = (Queue("critical", 1, 1), Queue("high", 5, 3), Queue("rest", 10, None))
LONGEST_NAP = 0.3  # seconds
ONLINE_SECONDS = 300.0  # until all workers have come up on a small machine


class Scene:
    """Workers that share a pool."""

    def __init__(self, directory: Path, database: str, workers: int) -> None:
        self._directory = directory
        directory.mkdir(parents=True, exist_ok=True)
        port = free_port()
        self.url = f"http://127.0.0.1:{port}/api"
        self._environment = own_environment(directory / "home", HEADRACE_API_URL=self.url)
        self.rest = Rest(self.url)
        self._programs = [
            self._start("server", "headrace.server", "--database", database, "--port", str(port))
        ]
        wait_healthy(self.url, self._programs[0], directory / "server.log")
        self._deployments = {queue.name: self._deploy(queue) for queue in self._queues()}
        for number in range(workers):
            name = f"worker-{number}"
            options = ["worker", "start", "--pool", POOL, "--name", name]
            self._programs.append(self._start(name, "headrace.cli", *options))
        self._wait_online(workers)

    def _start(self, name: str, module: str, *options: str) -> Any:
        command = [sys.executable, "-m", module, *options]
        return start_program(command, self._environment, self._directory / f"{name}.log")

    def _queues(self) -> Iterator[Queue]:
        shutil.copy(PROGRAM, self._directory / "nap.py")
        self.rest.post(
            "/work_pools/", {"name": POOL, "type": "process", "concurrency_limit": POOL_LIMIT}
        )
        for queue in QUEUES:
            body = {
                "name": queue.name, "priority": queue.priority, "concurrency_limit": queue.limit
            }  # fmt: skip
            self.rest.post(f"/work_pools/{POOL}/queues", body)
            yield queue

    def _deploy(self, queue: Queue) -> str:
        body = {
            "name": queue.name,
            "flow_id": self.rest.post("/flows/", {"name": "nap"})["id"],
            "work_pool_name": POOL,
            "work_queue_name": queue.name,
            "path": str(self._directory),
            "entrypoint": "nap.py:nap",
        }
        return self.rest.post("/deployments/", body)["id"]

    def _wait_online(self, workers: int) -> None:
        deadline = time.monotonic() + ONLINE_SECONDS
        while time.monotonic() < deadline:
            found = self.rest.post(f"/work_pools/{POOL}/workers/filter", {"limit": 200})
            if sum(worker["status"] == "ONLINE" for worker in found) == workers:
                return
            time.sleep(0.1)
        message = f"the workers did not come online; see {self._directory}"
        raise RuntimeError(message)

    def flood(self, seed: int, runs: int) -> list[str]:
        """Make runs of every queue, in bursts with pauses between; their ids."""
        dice = random.Random(seed)
        made: list[str] = []
        for _ in range(runs):
            queue = dice.choices(QUEUES, weights=(1, 3, 6))[0]
            body = {"parameters": {"seconds": dice.uniform(0, LONGEST_NAP)}}
            path = f"/deployments/{self._deployments[queue.name]}/create_flow_run"
            made.append(self.rest.post(path, body)["id"])
            if dice.random() < 0.05:
                time.sleep(dice.uniform(0, 1))
        return made

    def history(self, run_ids: list[str], patience: float) -> list[Held]:
        """What became of the runs, once all have ended.

        Raises:
            RuntimeError: One did not end in time, not as COMPLETED, or more than once.
        """
        deadline = time.monotonic() + patience
        return [self._ended(run_id, deadline) for run_id in run_ids]

    def _ended(self, run_id: str, deadline: float) -> Held:
        while True:
            run = self.rest.get(f"/flow_runs/{run_id}")
            if run["state_type"] in TERMINAL:
                break
            if time.monotonic() > deadline:
                message = f"run {run_id} has not ended: {run['state']}"
                raise RuntimeError(message)
            time.sleep(0.05)
        states = self.rest.get(f"/flow_run_states/?flow_run_id={run_id}")
        kinds = [state["type"] for state in states]
        if kinds != ["SCHEDULED", "PENDING", "RUNNING", "COMPLETED"]:
            message = f"run {run_id} went through {kinds}"
            raise RuntimeError(message)
        moments = [_seconds(state["timestamp"]) for state in states]
        return Held(run_id, run["work_queue_name"], moments[0], moments[1], moments[3])

    def close(self) -> None:
        """End everything that was started here, workers first."""
        self.rest.close()
        for process in reversed(self._programs):
            stop(process)


def _seconds(text: str) -> float:
    return datetime.fromisoformat(text).astimezone(UTC).timestamp()


@contextlib.contextmanager
def scene(directory: Path, database: str, workers: int) -> Iterator[Scene]:
    """A scene, ended whatever happens."""
    built = Scene(directory, database, workers)
    try:
        yield built
    finally:
        built.close()
