"""Task runs that the server itself moves: what a comparison with the contract's server brought up."""

from typing import Any
from uuid import uuid4


def make(server: Any, **fields: object) -> str:
    body = {"flow_run_id": None, "task_key": "t", "dynamic_key": str(uuid4())} | fields
    reply = server.post("/task_runs/", body)
    assert reply.status in {200, 201}, reply.body
    return reply.json["id"]


def make_flow_run(server: Any, **fields: object) -> str:
    flow = server.post("/flows/", {"name": "f"}).json["id"]
    return server.post("/flow_runs/", {"flow_id": flow, **fields}).json["id"]


def move(server: Any, run: str, kind: str, *, force: bool = False, **details: object) -> Any:
    body = {"state": {"type": kind, "state_details": details}, "force": force}
    return server.post(f"/task_runs/{run}/set_state", body).json["state"]


def read(server: Any, run: str) -> dict[str, Any]:
    return server.get(f"/task_runs/{run}").json


def test_the_cache_key_of_its_creation_stays(server: Any):
    """Whatever keys its states carry; but only under theirs is a result found."""
    run = make(server, cache_key="made", cache_expiration="2030-01-01T00:00:00Z")
    move(server, run, "RUNNING")
    move(server, run, "COMPLETED", cache_key="own")
    now = read(server, run)
    assert (now["cache_key"], now["cache_expiration"][:4]) == ("made", "2030")
    assert now["state"]["state_details"]["cache_key"] == "own"
    assert move(server, make(server), "RUNNING", cache_key="own")["name"] == "Cached"
    assert move(server, make(server), "RUNNING", cache_key="made")["name"] == "Running"


def test_what_was_completed_by_force_is_in_no_cache(server: Any):
    """Nobody computed a result then."""
    move(server, make(server), "COMPLETED", force=True, cache_key="forced")
    assert move(server, make(server), "RUNNING", cache_key="forced")["name"] == "Running"


def test_a_task_run_that_is_over_begins_anew(server: Any):
    """Its attempts are counted from the beginning, unless it is moved by force."""
    run = make(server)
    for _ in range(2):
        move(server, run, "RUNNING", force=True)
    move(server, run, "FAILED", force=True)
    move(server, run, "RUNNING", force=True)
    assert read(server, run)["run_count"] == 3
    move(server, run, "FAILED", force=True)
    assert move(server, run, "PENDING")["name"] == "Pending"
    assert read(server, run)["run_count"] == 0


def test_a_pause_of_a_task_run_ends_its_attempt(server: Any):
    """What runs after it is the next one."""
    run = make(server)
    for kind in ("RUNNING", "PAUSED", "RUNNING"):
        moved = move(server, run, kind)
    assert (moved["name"], read(server, run)["run_count"]) == ("Rerunning", 2)


def test_it_names_the_attempt_of_its_flow_run(server: Any):
    """The one in which it began, by the rules."""
    flow_run = make_flow_run(server, state={"type": "RUNNING"})
    run = make(server, flow_run_id=flow_run)
    move(server, run, "RUNNING", force=True)
    assert read(server, run)["flow_run_run_count"] == 0
    move(server, run, "RUNNING")
    assert read(server, run)["flow_run_run_count"] == 1
    move(server, run, "COMPLETED")
    assert read(server, run)["flow_run_run_count"] == 1


def test_keys_find_a_task_run_that_is_in_no_flow_run(server: Any):
    """It is made once, as one within a flow run is."""
    first = make(server, task_key="own", dynamic_key="1", name="first")
    assert make(server, task_key="own", dynamic_key="1", name="second") == first
    within = make(server, task_key="own", dynamic_key="1", flow_run_id=make_flow_run(server))
    assert within != first
    assert read(server, first)["name"] == "first"


def test_the_task_run_of_a_sub_flow_keeps_what_is_its_own(server: Any):
    """Its own attempts count too, its states name its flow run, and it is counted as no task."""
    parent = make_flow_run(server)
    run = make(server, flow_run_id=parent, state={"type": "RUNNING"})
    alone = make(server)
    child = make_flow_run(server, parent_task_run_id=run, state={"type": "RUNNING"})
    make_flow_run(server, parent_task_run_id=alone)
    now = read(server, run)
    assert now["run_count"] == 2
    details = now["state"]["state_details"]
    assert (details["flow_run_id"], details["task_run_id"]) == (parent, run)
    assert details["child_flow_run_id"] == child
    assert server.get(f"/task_run_states/{now['state_id']}").json["state_details"] == details
    assert read(server, alone)["state"]["state_details"]["flow_run_id"] is None
    counted = server.post("/ui/flow_runs/count-task-runs", {"flow_run_ids": [parent]}).json
    assert counted == {parent: 0}


def test_a_run_that_never_began_is_cancelled_without_a_word(server: Any):
    """The state is the server's own: it has no message of who asked to stop it."""
    run = make_flow_run(server, state={"type": "SCHEDULED"})
    body = {"state": {"type": "CANCELLING", "message": "stop"}}
    told = server.post(f"/flow_runs/{run}/set_state", body).json["state"]
    assert (told["type"], told["message"]) == ("CANCELLED", None)
