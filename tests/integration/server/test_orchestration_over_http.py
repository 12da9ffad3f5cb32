"""Runs, states and events over real HTTP and WebSockets, as the contract's clients use them."""

import json
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

from tests.waiting import wait_until
from websockets.sync.client import connect

from headrace.core.ids import new_id


def flow_of(server: Any) -> str:
    return server.post("/flows/", {"name": "f"}).json["id"]


def run_of(server: Any, **body: object) -> dict[str, Any]:
    reply = server.post("/flow_runs/", {"flow_id": flow_of(server), "name": None} | body)
    assert reply.status in {200, 201}, reply.body
    return reply.json


def propose(server: Any, run: str, kind: str, **more: Any) -> Any:
    headers = more.pop("headers", None)
    body = {"state": {"type": kind} | more, "force": False}
    return server.post(f"/flow_runs/{run}/set_state", body, headers=headers)


@contextmanager
def socket_to(server: Any, path: str):
    url = f"ws://127.0.0.1:{server.port}/api{path}"
    with connect(url, open_timeout=10, subprotocols=["prefect"]) as socket:
        socket.send(json.dumps({"type": "auth", "token": None}))
        assert json.loads(socket.recv(60)) == {"type": "auth_success"}
        yield socket


def task_event(flow_run: str, task_run: str, kind: str, at: int) -> dict[str, Any]:
    moment = (datetime.now(UTC) + timedelta(seconds=at)).isoformat()
    return {
        "occurred": moment,
        "event": f"prefect.task-run.{kind.title()}",
        "resource": {
            "prefect.resource.id": f"prefect.task-run.{task_run}",
            "prefect.state-timestamp": moment,
            "prefect.orchestration": "client",
        },
        "related": [
            {
                "prefect.resource.id": f"prefect.flow-run.{flow_run}",
                "prefect.resource.role": "flow-run",
            }
        ],
        "payload": {
            "validated_state": {"type": kind, "name": kind.title(), "state_details": {}},
            "task_run": {"name": "t-0", "task_key": "t", "dynamic_key": task_run, "run_count": at},
        },
        "id": new_id(),
        "follows": None,
    }


def test_a_run_from_creation_to_its_end(server: Any):
    """201 for what was written, 200 for what was refused, and the history at the end."""
    run = run_of(server, state={"type": "PENDING"}, tags=["a"], empirical_policy={"retries": 1})
    assert run["state"]["name"] == "Pending"
    assert propose(server, run["id"], "PENDING").status == 200
    assert propose(server, run["id"], "RUNNING").status == 201
    retried = propose(server, run["id"], "FAILED", message="x")
    assert (retried.status, retried.json["status"]) == (201, "REJECT")
    assert retried.json["state"]["name"] == "AwaitingRetry"
    assert propose(server, run["id"], "RUNNING").json["status"] == "ACCEPT"
    assert propose(server, run["id"], "COMPLETED", data={"storage_key": "k"}).status == 201
    read = server.get(f"/flow_runs/{run['id']}").json
    assert (read["run_count"], read["state"]["data"]) == (2, {"storage_key": "k"})
    states = server.get("/flow_run_states/", query={"flow_run_id": run["id"]}).json
    assert [one["name"] for one in states] == [
        "Pending",
        "Running",
        "AwaitingRetry",
        "Running",
        "Completed",
    ]
    assert server.delete(f"/flow_runs/{run['id']}").status == 204
    assert server.get(f"/flow_runs/{run['id']}").status == 404


def test_a_key_makes_one_run_and_a_stale_attempt_is_told(server: Any):
    """200 with the same run; 409 with the code of a stale write."""
    first = run_of(server, idempotency_key="k")
    body = {"flow_id": first["flow_id"], "idempotency_key": "k"}
    again = server.post("/flow_runs/", body)
    assert (again.status, again.json["id"]) == (200, first["id"])
    stale = propose(server, first["id"], "RUNNING", headers={"x-headrace-epoch": "7"})
    assert (stale.status, stale.headers["x-headrace-error"]) == (409, "stale_write")
    bad = propose(server, first["id"], "RUNNING", headers={"x-headrace-epoch": "x"})
    assert bad.status == 422


def test_lists_counts_and_histories_agree(server: Any):
    """A filter means the same runs wherever it is given."""
    for at in range(7):
        run_of(server, name=f"r{at}", state={"type": "RUNNING" if at % 2 else "COMPLETED"})
    body = {"flow_runs": {"state": {"type": {"any_": ["COMPLETED"]}}}}
    listed = server.post("/flow_runs/filter", body | {"sort": "NAME_ASC", "limit": 3}).json
    assert [one["name"] for one in listed] == ["r0", "r2", "r4"]
    assert server.post("/flow_runs/count", body).json == 4
    page = server.post("/flow_runs/paginate", body | {"limit": 3, "page": 2}).json
    assert (page["count"], page["pages"], len(page["results"])) == (4, 2, 1)
    now = datetime.now(UTC)
    history = server.post(
        "/flow_runs/history",
        body
        | {
            "history_start": (now - timedelta(hours=1)).isoformat(),
            "history_end": (now + timedelta(hours=1)).isoformat(),
            "history_interval_seconds": 3600,
        },
    ).json
    assert sum(one["count_runs"] for span in history for one in span["states"]) == 4
    assert server.post("/flow_runs/lateness", {}).json >= 0
    moved = server.post(
        "/flow_runs/bulk_set_state",
        {"flow_runs": {"name": {"any_": ["r1"]}}, "state": {"type": "CANCELLING"}},
    ).json["results"]
    assert [one["status"] for one in moved] == ["ACCEPT"]
    gone = server.post("/flow_runs/bulk_delete", body).json["deleted"]
    assert len(gone) == 4
    assert server.post("/flow_runs/count").json == 3


def test_task_runs_arrive_by_post_and_by_socket(server: Any):
    """What `POST /events` answered is there; what a socket sent is there once it has closed."""
    run = run_of(server, state={"type": "RUNNING"})["id"]
    posted, streamed = new_id(), new_id()
    events = [task_event(run, posted, kind, at) for at, kind in enumerate(("RUNNING", "COMPLETED"))]
    assert server.post("/events", events).status == 204
    assert server.get(f"/task_runs/{posted}").json["state_name"] == "Completed"
    with socket_to(server, "/events/in") as socket:
        for at, kind in enumerate(("PENDING", "RUNNING", "COMPLETED")):
            socket.send(json.dumps(task_event(run, streamed, kind, at)))
        socket.send("nonsense")
    wait_until(lambda: server.get(f"/task_runs/{streamed}").json.get("state_name") == "Completed")
    counted = server.post("/task_runs/count", {"flow_runs": {"id": {"any_": [run]}}})
    assert counted.json == 2
    graph = server.get(f"/flow_runs/{run}/graph-v2").json
    assert {key for key, _ in graph["nodes"]} == {posted, streamed}


def test_a_graph_begins_with_what_used_nobodys_result(sqlite_server: Any):
    """A task that was called in another one, too: being within it is no use of its result."""
    run = run_of(sqlite_server)["id"]

    def task(name: str, **inputs: str) -> str:
        given = {key: [{"input_type": "task_run", "id": one}] for key, one in inputs.items()}
        body = {"flow_run_id": run, "task_key": name, "dynamic_key": name, "name": name}
        made = sqlite_server.post("/task_runs/", body | {"task_inputs": given}).json["id"]
        for kind in ("RUNNING", "COMPLETED"):
            state = {"state": {"type": kind}}
            sqlite_server.post(f"/task_runs/{made}/set_state", state)
        return made

    caller = task("caller")
    within = task("within", __parents__=caller)
    used = task("used", x=within)
    graph = sqlite_server.get(f"/flow_runs/{run}/graph-v2").json
    nodes = dict(graph["nodes"])
    assert set(graph["root_node_ids"]) == {caller, within}
    assert [one["id"] for one in nodes[within]["encapsulating"]] == [caller]
    assert [one["id"] for one in nodes[used]["parents"]] == [within]


def test_an_event_without_a_resource_is_refused(sqlite_server: Any):
    """The field is named."""
    event = {"event": "x", "occurred": datetime.now(UTC).isoformat(), "id": new_id()}
    reply = sqlite_server.post("/events", [event | {"resource": {"a": "b"}}])
    assert reply.status == 422
    assert reply.json["exception_detail"][0]["loc"] == ["body", 0, "resource"]


def test_events_are_followed(server: Any):
    """First what there is, then what happens: each once."""
    run = run_of(server, state={"type": "PENDING"})["id"]
    wanted = {"resource": {"id": [f"prefect.flow-run.{run}"]}}
    with socket_to(server, "/events/out") as socket:
        socket.send(json.dumps({"type": "filter", "filter": wanted, "backfill": True}))
        names = [json.loads(socket.recv(60))["event"]["event"]]
        propose(server, run, "RUNNING")
        names.append(json.loads(socket.recv(60))["event"]["event"])
        propose(server, run, "COMPLETED")
        names.append(json.loads(socket.recv(60))["event"]["event"])
    assert [name.rpartition(".")[2] for name in names] == ["Pending", "Running", "Completed"]


def test_logs_are_followed(server: Any):
    """Lines of one run: those there are, then new ones, none of another run."""
    run, other = run_of(server)["id"], run_of(server)["id"]

    def write(owner: str, text: str) -> None:
        line = {
            "name": "l",
            "level": 20,
            "message": text,
            "timestamp": datetime.now(UTC).isoformat(),
            "flow_run_id": owner,
        }
        assert server.post("/logs/", [line]).status == 201

    write(run, "before")
    write(other, "not this")
    with socket_to(server, "/logs/out") as socket:
        wanted = {"flow_run_id": {"any_": [run]}}
        socket.send(json.dumps({"type": "filter", "filter": wanted, "backfill": True}))
        texts = [json.loads(socket.recv(60))["log"]["message"]]
        for at in range(3):
            write(other, "not this")
            write(run, f"after {at}")
            texts.append(json.loads(socket.recv(60))["log"]["message"])
    assert texts == ["before", "after 0", "after 1", "after 2"]


def test_a_page_of_events_leads_to_the_next(sqlite_server: Any):
    """The link of a page is a URL of this server."""
    for _ in range(3):
        run_of(sqlite_server)
    body = {"filter": {"event": {"prefix": ["prefect.flow-run."]}}, "limit": 2}
    page = sqlite_server.post("/events/filter", body).json
    assert (page["total"], len(page["events"])) == (3, 2)
    link = page["next_page"].partition("/api")[2]
    last = sqlite_server.get(link).json
    assert (len(last["events"]), last["next_page"]) == (1, None)
    assert sqlite_server.get("/events/filter/next?page-token=x").status == 422
