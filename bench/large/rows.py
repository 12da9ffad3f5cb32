"""The rows of a large database: a year of work, the same for every seed and size."""

import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

TASKS_PER_RUN = 5
LOGS_PER_RUN = 10
FLOWS, DEPLOYMENTS, POOLS, QUEUES_PER_POOL = 100, 300, 10, 3
DAYS = 365
UPCOMING = 0.002  # of the flow runs are scheduled for the days to come
ALIVE = 200  # flow runs at the end of the past that are under way
ENDINGS = [("COMPLETED", "Completed")] * 93 + [("FAILED", "Failed")] * 5
ENDINGS += [("CRASHED", "Crashed"), ("CANCELLED", "Cancelled")]
ADJECTIVES = ("amber", "brisk", "calm", "deft", "eager", "fair", "glad", "hale", "idle", "jolly")
ANIMALS = (
    "badger",
    "crane",
    "dingo",
    "egret",
    "ferret",
    "gecko",
    "heron",
    "ibis",
    "jackal",
    "koala",
)
WORDS = (
    "fetched",
    "wrote",
    "skipped",
    "retried",
    "merged",
    "rows",
    "files",
    "from",
    "to",
    "bucket",
)
COMMON_TAG, TAGS = "prod", 400
RARE_TAG, RARE_EVERY = "rare", 100_000
RARE_WORD = "xylophone"  # in one line out of as many

Value = str | int | float | None
Tuples = Iterator[tuple[Value, ...]]

Columns = tuple[str, ...]
FLOW: Columns = ("id", "created", "updated", "name")
POOL: Columns = ("id", "created", "updated", "name", "type")
QUEUE: Columns = ("id", "created", "updated", "work_pool_id", "name", "priority")
DEPLOYMENT: Columns = (
    "id",
    "created",
    "updated",
    "flow_id",
    "name",
    "work_queue_id",
    "work_queue_name",
)
RUN: Columns = (
    "id", "created", "updated", "name", "tags", "state_id", "state_type", "state_name",
    "state_timestamp", "state", "run_count", "expected_start_time", "next_scheduled_start_time",
    "start_time", "end_time", "total_run_time", "version",
)  # fmt: skip
FLOW_RUN: Columns = (
    *RUN,
    "flow_id",
    "deployment_id",
    "work_queue_id",
    "work_queue_name",
    "parameters",
)
TASK_RUN: Columns = (*RUN, "flow_run_id", "task_key", "dynamic_key")
TAG: Columns = ("tag", "flow_run_id")
STATE: Columns = ("id", "flow_run_id", "timestamp", "state")
LOG: Columns = (
    "id", "created", "name", "level", "flow_run_id", "task_run_id", "timestamp", "message",
)  # fmt: skip


@dataclass
class Year:
    """What the rows are made of.

    Args:
        runs: How many flow runs; task runs and log lines follow from it.
        now: Where the past ends, in UTC without a zone.
        seed: Of everything drawn.
    """

    runs: int
    now: datetime
    seed: int

    def __post_init__(self) -> None:
        draw = random.Random(self.seed)
        start = self.now - timedelta(days=DAYS)
        self.flows = [_id(draw, start) for _ in range(FLOWS)]
        self.pools = [_id(draw, start) for _ in range(POOLS)]
        self.queues = [_id(draw, start) for _ in range(POOLS * QUEUES_PER_POOL)]
        self.deployments = [_id(draw, start) for _ in range(DEPLOYMENTS)]
        self.run_ids: list[str] = []
        self._begins: list[datetime] = []

    def tables(self) -> Iterator[tuple[str, Columns, Tuples]]:
        """Each table's name, columns and rows, in the order in which they refer to each other."""
        born = _text(self.now - timedelta(days=DAYS))
        yield "flow", FLOW, ((key, born, born, f"flow-{i}") for i, key in enumerate(self.flows))
        pools = ((key, born, born, f"pool-{i}", "process") for i, key in enumerate(self.pools))
        yield "work_pool", POOL, pools
        yield (
            "work_queue",
            QUEUE,
            (
                (key, born, born, self.pools[i // QUEUES_PER_POOL], f"queue-{i}", 1)
                for i, key in enumerate(self.queues)
            ),
        )
        yield (
            "deployment",
            DEPLOYMENT,
            (
                (key, born, born, self.flows[i % FLOWS], f"deployment-{i}", *self._queue(i))
                for i, key in enumerate(self.deployments)
            ),
        )
        yield "flow_run", FLOW_RUN, self._flow_runs()
        yield "flow_run_tag", TAG, self._tags()
        yield "flow_run_state", STATE, self._states()
        yield "task_run", TASK_RUN, self._task_runs()
        yield "log", LOG, self._logs()

    def _queue(self, deployment: int) -> tuple[str, str]:
        at = deployment % len(self.queues)
        return self.queues[at], f"queue-{at}"

    def _flow_runs(self) -> Tuples:
        draw = random.Random(self.seed + 1)
        upcoming = int(self.runs * UPCOMING)
        past = self.runs - upcoming
        step = timedelta(days=DAYS) / past
        for i in range(self.runs):
            ahead = i - past
            begin = self.now + (step * 30 * ahead if ahead >= 0 else step * ahead)
            deployment = draw.randrange(DEPLOYMENTS)
            if ahead >= 0:
                kind, name = "SCHEDULED", "Scheduled"
            elif ahead >= -ALIVE:
                kind, name = ("RUNNING", "Running") if i % 2 else ("PENDING", "Pending")
            else:
                kind, name = draw.choice(ENDINGS)
            key = _id(draw, min(begin, self.now))
            self.run_ids.append(key)
            self._begins.append(begin)
            called = f"{draw.choice(ADJECTIVES)}-{draw.choice(ANIMALS)}-{i}"
            tags = ",".join(f'"{tag}"' for tag in run_tags(i))
            run = _run(draw, key, called, f"[{tags}]", (kind, name), begin)
            yield (
                *run,
                self.flows[deployment % FLOWS],
                self.deployments[deployment],
                *self._queue(deployment),
                f'{{"day":{i % 365},"source":"bucket-{i % 50}"}}',
            )

    def _tags(self) -> Tuples:
        return ((tag, key) for i, key in enumerate(self.run_ids) for tag in run_tags(i))

    def _states(self) -> Tuples:
        """One state of each run: a run's history is read through its own index, however long."""
        for key, begin in zip(self.run_ids, self._begins, strict=True):
            stamp = _text(begin)
            yield key, key, stamp, _state(key, "SCHEDULED", "Scheduled", stamp)

    def _task_runs(self) -> Tuples:
        draw = random.Random(self.seed + 2)
        for i, (run, begin) in enumerate(zip(self.run_ids, self._begins, strict=True)):
            if begin > self.now:
                continue
            for n in range(TASKS_PER_RUN):
                at = begin + timedelta(seconds=n)
                tags = '["io"]' if n == 0 else "[]"
                state = ENDINGS[(i * 31 + n) % len(ENDINGS)]
                task = _run(draw, _id(draw, at), f"task_{n}-{i % 1000}", tags, state, at)
                yield *task, run, f"task_{n}", str(n)

    def _logs(self) -> Tuples:
        draw = random.Random(self.seed + 3)
        texts = [" ".join(draw.choices(WORDS, k=10)) for _ in range(5000)]
        line = 0
        for run, begin in zip(self.run_ids, self._begins, strict=True):
            if begin > self.now:
                continue
            for n in range(LOGS_PER_RUN):
                line += 1
                at = begin + timedelta(milliseconds=137 * n)
                stamp = _text(at)
                message = f"{texts[line % 5000]} {line}"
                if line % RARE_EVERY == 0:
                    message += f" {RARE_WORD}"
                level = 40 if line % 200 == 0 else 20
                yield _id(draw, at), stamp, "flow_runs", level, run, None, stamp, message


def run_tags(i: int) -> list[str]:
    """The tags of the flow run with that number."""
    tags = [f"tag-{i % TAGS}"]
    if i % 2:
        tags.append(COMMON_TAG)
    if i % RARE_EVERY == 0:
        tags.append(RARE_TAG)
    return tags


def _run(
    draw: random.Random, key: str, name: str, tags: str, state: tuple[str, str], begin: datetime
) -> tuple[Value, ...]:
    kind, called = state
    waiting = kind == "SCHEDULED"
    lasted = draw.random() * 300
    expected = _text(begin)
    started = (
        None if waiting or kind == "PENDING" else _text(begin + timedelta(seconds=lasted / 60))
    )
    over = kind not in {"SCHEDULED", "PENDING", "RUNNING"}
    ended = _text(begin + timedelta(seconds=lasted)) if over else None
    stamp = ended or started or expected
    state_id = _id(draw, begin)
    return (
        key, expected, stamp, name, tags, state_id, kind, called, stamp,
        _state(state_id, kind, called, stamp), 0 if waiting else 1, expected,
        expected if waiting else None, started, ended, lasted if over else 0.0, 3,
    )  # fmt: skip


def _state(key: str, kind: str, name: str, stamp: str) -> str:
    return (
        f'{{"id":"{key}","type":"{kind}","name":"{name}","timestamp":"{stamp}","message":null,'
        '"data":null,"state_details":{"flow_run_id":null,"task_run_id":null,"retriable":null}}'
    )


def _text(moment: datetime) -> str:
    return f"{moment.isoformat(timespec='microseconds')}Z"


_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 - moments here are UTC without saying so: quicker


def _id(draw: random.Random, moment: datetime) -> str:
    return _id_at(draw, int((moment - _EPOCH).total_seconds() * 1000))


def _id_at(draw: random.Random, milliseconds: int) -> str:
    noise = draw.getrandbits(72)
    text = f"{milliseconds:012x}{noise:018x}"
    return f"{text[:8]}-{text[8:12]}-7{text[12:15]}-a{text[15:18]}-{text[18:]}"
