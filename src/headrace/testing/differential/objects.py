"""What is made on all sides, by seed: every step follows from the seed and the day alone."""
# JSON of any shape passes through
# pyright: reportUnknownArgumentType=false, reportUnknownVariableType=false, reportUnknownMemberType=false

import random
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from headrace.testing.differential.world import Id

TAGS: Final = ["red", "green", "blue", "Grün", "a,b", "", "50%", "x_y", "[]", '"']
WORDS: Final = ["alpha", "Beta", "GAMMA", "dél", "50%", "x_y", "a.b", "o'neil", "日本"]
STATES: Final = [
    ("SCHEDULED", None), ("SCHEDULED", "Late"), ("SCHEDULED", "AwaitingRetry"), ("PENDING", None),
    ("RUNNING", None), ("COMPLETED", None), ("COMPLETED", "Cached"), ("FAILED", None),
    ("CRASHED", None), ("CANCELLED", None), ("CANCELLING", None), ("PAUSED", "Suspended"),
]  # fmt: skip
_NEAREST: Final = 2  # loaded times lie so many days from this one at least
_FARTHEST: Final = 20  # and so many at most
_LOGS_AT_ONCE: Final = 50


@dataclass(frozen=True, slots=True)
class Step:
    """One write.

    Args:
        path: Begins after `/api`; `{label}` in it is the id of a labelled object.
        body: With `Id` for other objects' ids.
        label: Of the object that it makes; None where it makes none.
    """

    path: str
    body: Any
    label: str | None = None


class Objects:
    """Plans objects, each of a noun under the label `noun:number`."""

    def __init__(self, seed: int, day: datetime) -> None:
        """`day` is midnight of the day that loaded times are counted from."""
        self._random = random.Random(seed)  # noqa: S311 - a test's choices, by seed
        self._day = day
        self._labels: dict[str, list[str]] = defaultdict(list)
        self._pools: dict[str, str] = {}

    def steps(self, runs: int) -> Iterator[Step]:
        """Objects of every noun.

        Args:
            runs: How many flow runs; as many task runs, and a part of it of what is rarer. Half of
                the runs get further states than the one that they begin in.
        """
        some = max(3, min(40, runs // 50))
        yield from self._flows(some)
        yield from self._work_pools(max(3, some // 4))
        yield from self._deployments(some)
        yield from self._variables(some)
        yield from self._limits(some)
        for number in range(runs):
            for noun, make in (("flow_run", self._flow_run), ("task_run", self._task_run)):
                step = make(number)
                yield step
                yield from self._proposals(f"{noun}:{number}", step)
        yield from self._logs(runs)
        yield from self._artifacts(max(6, runs // 10))

    def _make(self, label: str, path: str, body: Any) -> Step:
        self._labels[label.partition(":")[0]].append(label)
        return Step(path, body, label)

    def _tags(self) -> list[str]:
        return self._random.sample(TAGS, self._random.choice([0, 0, 1, 2, 3]))

    def _word(self) -> str:
        return self._random.choice(WORDS)

    def _name(self) -> str:
        """A word that flows, deployments and pools may have in their names."""
        return self._word().replace("%", "")

    def _moment(self) -> str:
        """A time that is not near now; on full hours often, so that some are equal."""
        days = self._random.randint(_NEAREST, _FARTHEST) * self._random.choice([-1, 1])
        seconds = self._random.choice([0, 0, 3600, self._random.random() * 40_000])
        return (self._day + timedelta(days=days, seconds=seconds)).isoformat()

    def _one(self, noun: str) -> Id | None:
        labels = self._labels[noun]
        return Id(self._random.choice(labels)) if labels else None

    def _flows(self, count: int) -> Iterator[Step]:
        for number in range(count):
            labels = {"team": self._word(), "n": number} if number % 2 else {}
            body = {"name": f"{self._name()}-{number}", "tags": self._tags(), "labels": labels}
            yield self._make(f"flow:{number}", "/flows/", body)
        yield Step("/flows/", {"name": "50%"})  # refused

    def _work_pools(self, count: int) -> Iterator[Step]:
        for number in range(count):
            body: dict[str, Any] = {
                "name": f"pool-{self._name().replace('.', '')}-{number}",
                "type": self._random.choice(["process", "docker", "other"]),
                "is_paused": number % 3 == 2,
                "concurrency_limit": self._random.choice([None, 0, 5]),
                "description": self._word(),
            }
            label = f"work_pool:{number}"
            self._pools[label] = body["name"]
            yield self._make(label, "/work_pools/", body)

    def _deployments(self, count: int) -> Iterator[Step]:
        for number in range(count):
            pool = self._one("work_pool") if number % 3 else None
            body: dict[str, Any] = {
                "name": f"{self._name()}-dep-{number}",
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
                body["work_pool_name"] = self._pools[pool.label]
            yield self._make(f"deployment:{number}", "/deployments/", body)

    def _variables(self, count: int) -> Iterator[Step]:
        values = ["text", 1, 1.5, True, None, {"a": [1]}, [1, "2"]]
        for number in range(count):
            body = {
                "name": f"v_{self._random.choice('abc')}_{number}",
                "value": self._random.choice(values),
                "tags": self._tags(),
            }
            yield self._make(f"variable:{number}", "/variables/", body)

    def _limits(self, count: int) -> Iterator[Step]:
        for number in range(count):
            body = {
                "name": f"limit-{number}",
                "limit": number,
                "slot_decay_per_second": self._random.choice([0, 0.5]),
                "active": number % 3 != 0,
            }
            yield self._make(f"limit:{number}", "/v2/concurrency_limits/", body)
            tag = {"tag": f"tag-{number}", "concurrency_limit": number}
            yield self._make(f"tag_limit:{number}", "/concurrency_limits/", tag)

    def _state(self) -> dict[str, Any]:
        kind, name = self._random.choice(STATES)
        state: dict[str, Any] = {"type": kind, "name": name, "message": self._word()}
        if kind in {"SCHEDULED", "PAUSED"}:
            state["state_details"] = {"scheduled_time": self._moment()}
        return state

    def _flow_run(self, number: int) -> Step:
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
        if number % 6 == 3:  # a task run has one sub-flow at most
            body["parent_task_run_id"] = Id(f"task_run:{number - 1}")
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
        return self._make(f"flow_run:{number}", path, body)

    def _proposals(self, label: str, made: Step) -> Iterator[Step]:
        """States for the run that a step made.

        Only the last is judged by the rules, and only where the state before is known and the rules
        agree (`state_pairs` compares where they do not): else all that follows would differ. Nor is
        there any for a run that may have been made before, under its key.
        """
        path = f"/{label.partition(':')[0]}s/{{{label}}}/set_state"
        before = made.body["state"]["type"]
        several = self._random.choice([0, 0, 1, 2])
        for left in reversed(range(0 if "idempotency_key" in made.body else several)):
            state = self._state()
            is_known = before in {"SCHEDULED", "PENDING", "RUNNING", "FAILED"}
            takes_slot = state["type"] == "PENDING" and made.path.startswith("/deployments/")
            judged = left == 0 and is_known and not takes_slot and self._random.random() < 0.5
            before = state["type"]
            yield Step(path, {"state": state, "force": not judged})

    def _task_run(self, number: int) -> Step:
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
        return self._make(f"task_run:{number}", "/task_runs/", body)

    def _logs(self, count: int) -> Iterator[Step]:
        for first in range(0, count, _LOGS_AT_ONCE):
            batch: list[Any] = [
                {
                    "name": self._random.choice(["a.logger", "b.logger"]),
                    "level": self._random.choice([10, 20, 30, 35, 40, 50]),
                    "message": f"line {number} {self._word()} {self._word()}",
                    "timestamp": self._moment(),
                    "flow_run_id": self._one("flow_run"),
                    "task_run_id": self._one("task_run") if number % 3 == 0 else None,
                }
                for number in range(first, min(count, first + _LOGS_AT_ONCE))
            ]
            yield Step("/logs/", batch)

    def _artifacts(self, count: int) -> Iterator[Step]:
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
            yield self._make(f"artifact:{number}", "/artifacts/", body)
