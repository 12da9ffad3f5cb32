"""What is asked of the large database, as the pages and workers of a large installation ask it."""

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import cycle, islice

from bench.large.known import Known
from bench.large.rows import COMMON_TAG, RARE_TAG, RARE_WORD, TAGS
from bench.wrk import Call

POINT, LIST, COUNT, SEARCH = "point call", "indexed list", "count, history, lateness", "search"
BOUNDS_MS = {LIST: 20.0, COUNT: 50.0, SEARCH: 300.0}  # of the 95th percentile
POINT_FACTOR = 1.5  # of the same call's median on an empty database
Filter = dict[str, object]


@dataclass(frozen=True)
class Question:
    """One kind of request.

    Args:
        name: What the table calls it.
        group: What bound it has.
        calls: As many different ones as are wanted.
    """

    name: str
    group: str
    calls: list[Call] = field(repr=False)


def questions(known: Known, many: int) -> Iterator[Question]:
    """All questions, each with `many` requests."""
    draw = random.Random(many)
    runs = known.runs

    def made(name: str, group: str, make: Callable[[int], Call]) -> Question:
        return Question(name, group, [make(i) for i in range(many)])

    yield made("get flow run", POINT, lambda i: Call("GET", f"/flow_runs/{runs[i]}", None, runs[i]))
    yield made("create flow run", POINT, lambda i: _create(known, i))
    yield made("set state", POINT, lambda i: _set_state(runs[i]))
    for name, body in _lists(known, draw):
        yield Question(
            f"flow runs: {name}", LIST, _calls("/flow_runs/filter", body, many, limit=50)
        )
    one_run = ({"flow_runs": _ids(run)} for run in cycle(runs))
    tasks = _calls("/task_runs/filter", one_run, many, limit=200)
    yield Question("task runs: of a flow run", LIST, tasks)
    newest = cycle([{"sort": "EXPECTED_START_TIME_DESC"}, {"sort": "END_TIME_DESC"}])
    yield Question("task runs: newest", LIST, _calls("/task_runs/filter", newest, many, limit=50))
    failed = cycle([{"task_runs": _state("FAILED"), "sort": "EXPECTED_START_TIME_DESC"}])
    yield Question("task runs: failed", LIST, _calls("/task_runs/filter", failed, many, limit=50))
    lines = ({"logs": {"flow_run_id": {"any_": [run]}}} for run in cycle(runs))
    yield Question("logs: of a flow run", LIST, _calls("/logs/filter", lines, many, limit=200))
    last = cycle([{"sort": "TIMESTAMP_DESC", "logs": {"level": {"ge_": 20}}}])
    yield Question("logs: newest", LIST, _calls("/logs/filter", last, many, limit=200))
    yield from _counts(known, draw, many)
    yield from _searches(draw, many)


def _calls(path: str, bodies: Iterator[Filter], many: int, **more: object) -> list[Call]:
    return [Call("POST", path, body | more, "[") for body in islice(bodies, many)]


def _create(known: Known, i: int) -> Call:
    body = {
        "flow_id": known.flows[i % len(known.flows)],
        "name": f"new-{i}",
        "tags": [f"tag-{i % TAGS}"],
        "state": {"type": "PENDING"},
    }
    return Call("POST", "/flow_runs/", body, '"state_type":"PENDING"')


def _set_state(run: str) -> Call:
    body = {"state": {"type": "RUNNING"}, "force": True}
    return Call("POST", f"/flow_runs/{run}/set_state", body, '"status":"ACCEPT"')


def _ids(run: str) -> Filter:
    return {"id": {"any_": [run]}}


def _state(*types: str) -> Filter:
    return {"state": {"type": {"any_": list(types)}}}


def _between(known: Known, since: timedelta) -> Filter:
    until = known.now + timedelta(days=1)
    return {
        "expected_start_time": {"after_": _moment(known.now - since), "before_": _moment(until)}
    }


def _moment(moment: datetime) -> str:
    return f"{moment.isoformat()}Z"


def _lists(known: Known, draw: random.Random) -> Iterator[tuple[str, Iterator[Filter]]]:
    """The first page of 50 flow runs, by what they are filtered by."""
    newest = {"sort": "EXPECTED_START_TIME_DESC"}
    sorts = ("EXPECTED_START_TIME_DESC", "START_TIME_DESC", "END_TIME_DESC", "NAME_ASC", "ID_DESC")
    yield "all, each order", cycle([{"sort": sort} for sort in sorts])
    over = cycle(["COMPLETED", "FAILED", "CRASHED", "SCHEDULED"])
    yield "of a state", ({"flow_runs": _state(state)} | newest for state in over)
    alive = {"flow_runs": _state("RUNNING", "PENDING")} | newest
    yield "under way", cycle([alive])
    some_flow = ({"id": {"any_": [draw.choice(known.flows)]}} for _ in cycle([0]))
    yield "of a flow", ({"flows": flow} | newest for flow in some_flow)
    yield (
        "of a flow and a state",
        ({"flows": flow, "flow_runs": _state("FAILED")} | newest for flow in some_flow),
    )
    one = ({"id": {"any_": [draw.choice(known.deployments)]}} for _ in cycle([0]))
    yield "of a deployment", ({"deployments": deployment} | newest for deployment in one)
    pools = ({"name": {"any_": [f"pool-{draw.randrange(10)}"]}} for _ in cycle([0]))
    yield "of a work pool", ({"work_pools": pool} | newest for pool in pools)
    day = _between(known, timedelta(days=1))
    yield "of the last day", cycle([{"flow_runs": day} | newest])
    yield "of the last day, failed", cycle([{"flow_runs": day | _state("FAILED")} | newest])


def _counts(known: Known, draw: random.Random, many: int) -> Iterator[Question]:
    def ask(name: str, path: str, bodies: Iterator[Filter]) -> Question:
        made = [Call("POST", path, body) for body in islice(bodies, many)]
        return Question(name, COUNT, made)

    week, day = _between(known, timedelta(days=7)), _between(known, timedelta(days=1))
    flows = ({"flows": {"id": {"any_": [draw.choice(known.flows)]}}} for _ in cycle([0]))
    deployments = (
        {"deployments": {"id": {"any_": [draw.choice(known.deployments)]}}} for _ in cycle([0])
    )
    yield ask("count flow runs: all", "/flow_runs/count", cycle([{}]))
    yield ask(
        "count flow runs: completed",
        "/flow_runs/count",
        cycle([{"flow_runs": _state("COMPLETED")}]),
    )
    states = cycle(["FAILED", "CRASHED", "RUNNING", "PENDING", "SCHEDULED", "CANCELLED"])
    others = ({"flow_runs": _state(state)} for state in states)
    yield ask("count flow runs: of another state", "/flow_runs/count", others)
    yield ask("count flow runs: of a flow", "/flow_runs/count", flows)
    yield ask("count flow runs: of a deployment", "/flow_runs/count", deployments)
    yield ask("count flow runs: last week", "/flow_runs/count", cycle([{"flow_runs": week}]))
    failed = cycle([{"flow_runs": week | _state("FAILED", "CRASHED")}])
    yield ask("count flow runs: last week, failed", "/flow_runs/count", failed)
    yield ask("count task runs: all", "/task_runs/count", cycle([{}]))
    yield ask(
        "count task runs: failed", "/task_runs/count", cycle([{"task_runs": _state("FAILED")}])
    )
    yield ask("count task runs: last day", "/task_runs/count", cycle([{"task_runs": day}]))
    for name, since, interval in (("day", 1, 3600.0), ("week", 7, 6 * 3600.0)):
        body: Filter = {
            "history_start": _moment(known.now - timedelta(days=since)),
            "history_end": _moment(known.now),
            "history_interval_seconds": interval,
        }
        yield ask(f"history: last {name}", "/flow_runs/history", cycle([body]))
        if since == 7:
            whole = body | {"history_start": _moment(known.now - timedelta(days=365))}
            whole["history_interval_seconds"] = 86_400.0 * 7
            yield ask("history: the whole year", "/flow_runs/history", cycle([whole]))
            yield ask("history: task runs, last week", "/task_runs/history", cycle([body]))
            of_flow = (body | flow for flow in flows)
            yield ask("history: last week, of a flow", "/flow_runs/history", of_flow)
    yield ask("lateness: last day", "/flow_runs/lateness", cycle([{"flow_runs": day}]))
    yield ask("lateness: last week", "/flow_runs/lateness", cycle([{"flow_runs": week}]))
    yield ask("lateness: of a flow", "/flow_runs/lateness", flows)
    yield ask("lateness: all", "/flow_runs/lateness", cycle([{}]))


def _searches(draw: random.Random, many: int) -> Iterator[Question]:
    newest: Filter = {"sort": "EXPECTED_START_TIME_DESC"}

    def ask(name: str, path: str, bodies: Iterator[Filter]) -> Question:
        return Question(name, SEARCH, _calls(path, bodies, many, limit=50))

    def named(text: str) -> Filter:
        return {"flow_runs": {"name": {"like_": text}}} | newest

    def tagged(operator: str, *tags: str) -> Filter:
        return {"flow_runs": {"tags": {operator: list(tags)}}} | newest

    path = "/flow_runs/filter"
    yield ask("name has a common text", path, cycle([named("badger"), named("amber"), named("-7")]))
    yield ask(
        "name has a rare text",
        path,
        (named(f"-{draw.randrange(10**5, 10**6)}") for _ in cycle([0])),
    )
    yield ask("name has a text of none", path, (named(f"no{i}where") for i in cycle(range(9))))
    tags = (f"tag-{draw.randrange(TAGS)}" for _ in cycle([0]))
    yield ask("tag of one run in 400", path, (tagged("all_", tag) for tag in tags))
    yield ask("tag of every other run", path, cycle([tagged("all_", COMMON_TAG)]))
    yield ask("tag of ten runs", path, cycle([tagged("any_", RARE_TAG)]))
    yield ask("two tags", path, (tagged("all_", tag, COMMON_TAG) for tag in tags))
    counted = ({"flow_runs": {"tags": {"all_": [tag]}}} for tag in tags)
    named_so = cycle([{"flow_runs": {"name": {"like_": "heron"}}}])
    for what, bodies in (("a tag", counted), ("a text in names", named_so)):
        calls = [Call("POST", "/flow_runs/count", body) for body in islice(bodies, many)]
        yield Question(f"count of {what}", SEARCH, calls)
    task_tags = cycle([{"task_runs": {"tags": {"all_": ["io"]}}} | newest])
    yield ask("task runs: a tag", "/task_runs/filter", task_tags)
    task_names = cycle([{"task_runs": {"name": {"like_": "task_3-777"}}} | newest])
    yield ask("task runs: name has a text", "/task_runs/filter", task_names)
    common = cycle([{"logs": {"text": {"query": "bucket"}}, "sort": "TIMESTAMP_DESC"}])
    yield ask("logs: a common word", "/logs/filter", common)
    rare = cycle([{"logs": {"text": {"query": RARE_WORD}}, "sort": "TIMESTAMP_DESC"}])
    yield ask("logs: a rare word", "/logs/filter", rare)
