"""What a server has recorded of a flow run: its states, tasks, sub-flows, lines, artifacts, graph."""

import time
from collections import Counter
from typing import Any

from prefect import get_client

READINGS = 40  # at most, half a second apart: task runs and lines arrive a little later
PAGE = 200


def settled(runs: dict[str, str]) -> dict[str, Any]:
    """What is recorded of each run, by its name, once two readings of it are alike."""
    found: dict[str, Any] = {}
    with get_client(sync_client=True) as client:
        last: dict[str, Any] = {}
        for _ in range(READINGS):
            time.sleep(0.5)
            now = {name: recorded(client, run) for name, run in runs.items() if name not in found}
            found |= {name: one for name, one in now.items() if last.get(name) == one}
            last = now
            if len(found) == len(runs):
                break
    return last | found


def recorded(client: Any, run: str) -> dict[str, Any]:
    """What is recorded of a run now."""

    def get(path: str, **query: str) -> Any:
        return client.request("GET", path, params=query).json()

    def every(path: str, body: Any) -> list[Any]:
        found: list[Any] = []
        while True:
            page = client.request("POST", path, json=body | {"offset": len(found)}).json()
            found += page
            if len(page) < PAGE:
                return found

    of = {"flow_runs": {"id": {"any_": [run]}}}
    found = get(f"/flow_runs/{run}")
    task_runs = every("/task_runs/filter", of)
    histories = [get("/task_run_states/", task_run_id=one["id"]) for one in task_runs[:20]]
    children = every("/flow_runs/filter", {"flow_runs": {"parent_flow_run_id": {"any_": [run]}}})
    lines = every("/logs/filter", {"logs": {"flow_run_id": {"any_": [run]}}})
    artifacts = every("/artifacts/filter", of)
    graph = [node for _, node in get(f"/flow_runs/{run}/graph-v2")["nodes"]]
    return {
        "states": [f"{one['type']} {one['name']}" for one in get_states(client, run)],
        "run": [found["state_name"], found["run_count"], found["parameters"]],
        "task runs": tally(f"{one['state_name']} {one['run_count']}" for one in task_runs),
        "task states": tally(" ".join(one["name"] for one in path) for path in histories),
        "children": tally(f"{one['state_name']} {one['run_count']}" for one in children),
        "lines": tally(str(one["level"]) for one in lines),
        "artifacts": sorted(f"{one['type']} {one['key']}" for one in artifacts if one["type"]),
        "graph": tally(f"{node['kind']} {node['state_type']}" for node in graph),
    }


def get_states(client: Any, run: str) -> list[Any]:
    return client.request("GET", "/flow_run_states/", params={"flow_run_id": run}).json()


def tally(words: Any) -> dict[str, int]:
    return dict(sorted(Counter(words).items()))
