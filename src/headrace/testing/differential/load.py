"""Makes the same objects on both sides, by seed, over the API; answers of the writes are compared too."""
# JSON of any shape passes through
# pyright: reportUnknownArgumentType=false, reportUnknownVariableType=false, reportUnknownMemberType=false

import random
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from headrace.testing.differential.answers import Answers
from headrace.testing.differential.sides import Reply
from headrace.testing.differential.world import Id, World

TAGS: Final = ["red", "green", "blue", "Grün", "a,b", "", "50%", "x_y", "[]", '"']
WORDS: Final = ["alpha", "Beta", "GAMMA", "dél", "50%", "x_y", "a.b", "o'neil", "日本"]
STATES: Final = [
    ("SCHEDULED", None), ("SCHEDULED", "Late"), ("SCHEDULED", "AwaitingRetry"), ("PENDING", None),
    ("RUNNING", None), ("COMPLETED", None), ("COMPLETED", "Cached"), ("FAILED", None),
    ("CRASHED", None), ("CANCELLED", None), ("CANCELLING", None), ("PAUSED", "Suspended"),
]  # fmt: skip
_DAYS: Final = 20  # loaded times lie so far from now at most, and a day at least

Report = Callable[[str, str], None]


class Loader:
    """Makes objects, each of a noun under the label `noun:number`."""

    def __init__(self, world: World, seed: int, report: Report) -> None:
        """`report` is told of each difference: the operation and what differs."""
        self._world = world
        self._random = random.Random(seed)  # noqa: S311 - a test's choices, by seed
        self._report = report
        self._answers = Answers(world)
        self._today = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)

    def load(self, runs: int, *, transitions: bool) -> None:
        """Make objects of every noun.

        Args:
            runs: How many flow runs; as many task runs, and a part of it of what is rarer.
            transitions: Whether states are proposed for the runs, after those that they begin in.
        """
        some = max(3, min(40, runs // 50))
        self._flows(some)
        self._pools(max(3, some // 4))
        self._deployments(some)
        self._variables(some)
        self._limits(some)
        for number in range(runs):
            self._flow_run(number)
            self._task_run(number)
            if transitions:
                self._propose(f"flow_run:{number}")
                self._propose(f"task_run:{number}")
        self._logs(runs)
        self._artifacts(max(6, runs // 10))
        self._refresh()

    def make(self, label: str, path: str, body: Any) -> bool:
        """Make an object; whether both sides did."""
        ours, peers = self._send("POST", path, body)
        if ours.status >= 300 or peers.status >= 300:
            return False
        self._world.learn(label, ours.json, peers.json)
        return True

    def _send(self, method: str, path: str, body: Any) -> tuple[Reply, Reply]:
        ours, peers = self._world.exchange(method, path, body)
        if ours.status < 300 and peers.status < 300 and isinstance(ours.json, dict):
            for at, reply in enumerate((ours, peers)):  # its own id is not known yet
                if "id" in reply.json:
                    self._world.labels[at][reply.json["id"]] = "made"
        for what in self._answers.compare(ours, peers):
            self._report(f"{method} {path}", what)
        return ours, peers

    def _tags(self) -> list[str]:
        return self._random.sample(TAGS, self._random.choice([0, 0, 1, 2, 3]))

    def _word(self) -> str:
        return self._random.choice(WORDS)

    def _moment(self) -> str:
        """A time that is not near now; on full hours often, so that some are equal."""
        days = self._random.randint(1, _DAYS) * self._random.choice([-1, 1])
        seconds = self._random.choice([0, 0, 3600, self._random.random() * 40_000])
        return (self._today + timedelta(days=days, seconds=seconds)).isoformat()

    def _one(self, noun: str) -> Id | None:
        labels = self._world.of_noun[noun]
        return Id(self._random.choice(labels)) if labels else None

    def _flows(self, count: int) -> None:
        for number in range(count):
            labels = {"team": self._word(), "n": number} if number % 2 else {}
            body = {"name": f"{self._word()}-{number}", "tags": self._tags(), "labels": labels}
            self.make(f"flow:{number}", "/flows/", body)

    def _pools(self, count: int) -> None:
        for number in range(count):
            body = {
                "name": f"pool-{self._word().replace('%', '').replace('.', '')}-{number}",
                "type": self._random.choice(["process", "docker", "other"]),
                "is_paused": number % 3 == 2,
                "concurrency_limit": self._random.choice([None, 0, 5]),
                "description": self._word(),
            }
            if not self.make(f"work_pool:{number}", "/work_pools/", body):
                continue
            pool = f"work_pool:{number}"
            self._world.name_id(
                f"default_queue:{number}",
                *(self._world.objects[at][pool]["default_queue_id"] for at in (0, 1)),
            )

    def _deployments(self, count: int) -> None:
        for number in range(count):
            pool = self._one("work_pool") if number % 3 else None
            body: dict[str, Any] = {
                "name": f"{self._word()}-dep-{number}",
                "flow_id": self._one("flow"),
                "tags": self._tags(),
                "paused": number % 4 == 1,
                "parameters": {"x": number, "y": [self._word()]},
                "description": self._word(),
                "version": self._random.choice([None, "1", "2"]),
                "concurrency_limit": self._random.choice([None, None, 1, 7]),
                "labels": {"n": number},
                "enforce_parameter_schema": False,
            }
            if pool is not None:
                body["work_pool_name"] = self._world.objects[0][pool.label]["name"]
            self.make(f"deployment:{number}", "/deployments/", body)

    def _variables(self, count: int) -> None:
        values = ["text", 1, 1.5, True, None, {"a": [1]}, [1, "2"]]
        for number in range(count):
            body = {
                "name": f"v_{self._random.choice('abc')}_{number}",
                "value": self._random.choice(values),
                "tags": self._tags(),
            }
            self.make(f"variable:{number}", "/variables/", body)

    def _limits(self, count: int) -> None:
        for number in range(count):
            body = {
                "name": f"limit-{number}",
                "limit": number,
                "slot_decay_per_second": self._random.choice([0, 0.5]),
                "active": number % 3 != 0,
            }
            self.make(f"limit:{number}", "/v2/concurrency_limits/", body)
            tag = {"tag": f"tag-{number}", "concurrency_limit": number}
            self.make(f"tag_limit:{number}", "/concurrency_limits/", tag)

    def _state(self) -> dict[str, Any]:
        kind, name = self._random.choice(STATES)
        state: dict[str, Any] = {"type": kind, "name": name, "message": self._word()}
        if kind in {"SCHEDULED", "PAUSED"}:
            state["state_details"] = {"scheduled_time": self._moment()}
        return state

    def _flow_run(self, number: int) -> None:
        body: dict[str, Any] = {
            "name": f"{self._word()}-run-{number}",
            "tags": self._tags(),
            "parameters": {"x": number, "word": self._word()},
            "context": {"c": 1} if number % 5 == 0 else {},
            "labels": {"n": number} if number % 4 == 0 else {},
            "state": self._state(),
        }
        if number % 7 == 0:
            body["idempotency_key"] = f"key-{self._random.randint(0, number)}"
        if number % 6 == 3 and f"task_run:{number - 1}" in self._world.objects[0]:
            body["parent_task_run_id"] = Id(
                f"task_run:{number - 1}"
            )  # each has one sub-flow at most
        deployment = self._one("deployment") if number % 3 == 0 else None
        if deployment is not None:
            path = f"/deployments/{{{deployment.label}}}/create_flow_run"
            body["state"] = {
                "type": "SCHEDULED",
                "state_details": {"scheduled_time": self._moment()},
            }
        else:
            path = "/flow_runs/"
            body |= {"flow_id": self._one("flow")}
            body["flow_version"] = self._random.choice([None, "1", "2"])
        self.make(f"flow_run:{number}", path, body)

    def _propose(self, label: str) -> None:
        if label not in self._world.objects[0]:
            return
        path = f"/{label.partition(':')[0]}s/{{{label}}}/set_state"
        for _ in range(self._random.choice([0, 0, 1, 2])):
            proposed = {"state": self._state(), "force": self._random.random() < 0.7}
            self._send("POST", path, proposed)

    def _task_run(self, number: int) -> None:
        flow_run = self._one("flow_run") if number % 8 else None
        body = {
            "name": f"{self._word()}-task-{number}",
            "flow_run_id": flow_run,
            "task_key": self._word(),
            "dynamic_key": str(number),
            "tags": self._tags(),
            "labels": {"n": number} if number % 4 == 0 else {},
            "cache_key": self._random.choice([None, None, f"cache-{number}"]),
            "task_inputs": {"x": [{"input_type": "parameter", "name": "p"}]} if number % 3 else {},
            "state": self._state(),
        }
        self.make(f"task_run:{number}", "/task_runs/", body)

    def _logs(self, count: int) -> None:
        for first in range(0, count, 50):
            batch: list[Any] = [
                {
                    "name": self._random.choice(["a.logger", "b.logger"]),
                    "level": self._random.choice([10, 20, 30, 35, 40, 50]),
                    "message": f"line {number} {self._word()} {self._word()}",
                    "timestamp": self._moment(),
                    "flow_run_id": self._one("flow_run"),
                    "task_run_id": self._one("task_run") if number % 3 == 0 else None,
                }
                for number in range(first, min(count, first + 50))
            ]
            self._send("POST", "/logs/", batch)

    def _artifacts(self, count: int) -> None:
        for number in range(count):
            body = {
                "key": self._random.choice([None, "report", "table-1", f"key-{number % 9}"]),
                "type": self._random.choice(["markdown", "table", "link", "progress", None]),
                "description": self._word(),
                "data": self._random.choice(["text", {"a": 1}, [1, 2], 5.5]),
                "metadata_": {"m": self._word()},
                "flow_run_id": self._one("flow_run"),
                "task_run_id": self._one("task_run") if number % 2 else None,
            }
            self.make(f"artifact:{number}", "/artifacts/", body)

    def _refresh(self) -> None:
        """Learn how runs are now, after their states changed."""
        for noun in ("flow_run", "task_run"):
            for label in self._world.of_noun[noun]:
                ours, peers = self._world.exchange("GET", f"/{noun}s/{{{label}}}")
                if ours.status == peers.status == 200:
                    self._world.learn(label, ours.json, peers.json)
