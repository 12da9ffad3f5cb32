"""Claims and leases over HTTP."""

import threading
import time
from typing import Any
from uuid import uuid4

from test_work_pools_over_http import make_pool, make_runs


def body(**fields: object) -> dict[str, object]:
    return {"claim_id": str(uuid4()), "owner": "w1", "work_pool_name": "p", **fields}


TEMPLATE = {
    "job_configuration": {"command": "{{ command }}", "env": "{{ env }}", "fixed": 1},
    "variables": {
        "properties": {
            "command": {"type": "string", "default": "go"},
            "env": {"type": "object", "default": {}},
        }
    },
}


def test_a_claim_brings_all_that_starting_a_run_takes(server: Any):
    make_pool(server, base_job_template=TEMPLATE)
    [run] = make_runs(server, 1)
    answer = server.post("/headrace/claims", body())
    assert answer.status == 200, answer.body
    [claimed] = answer.json["runs"]
    assert claimed["flow_run"]["id"] == run
    assert claimed["flow_run"]["state"]["type"] == "PENDING"
    assert (claimed["flow_name"], claimed["epoch"]) == ("f", 1)
    assert claimed["job_configuration"] == {"command": "go", "env": {}, "fixed": 1}
    read = server.get(f"/flow_runs/{run}").json
    lateness = {"estimated_start_time_delta": read["estimated_start_time_delta"]}
    assert read == claimed["flow_run"] | lateness
    assert server.post("/headrace/claims", body()).json["runs"] == []


def test_a_lease_is_renewed_and_lost(server: Any):
    make_pool(server)
    run, other = make_runs(server, 2)
    server.post("/headrace/claims", body())
    leases = [{"flow_run_id": run, "epoch": 1}, {"flow_run_id": other, "epoch": 7}]
    renewed = server.post("/headrace/leases/renew", {"owner": "w1", "leases": leases}).json
    assert (renewed["lost"], renewed["cancelling"]) == ([other], [])
    state = {"state": {"type": "CANCELLING"}}
    server.post(f"/flow_runs/{run}/set_state", state)
    renewed = server.post("/headrace/leases/renew", {"owner": "w1", "leases": leases[:1]}).json
    assert (renewed["lost"], renewed["cancelling"]) == ([], [run])
    stolen = server.post("/headrace/leases/renew", {"owner": "w2", "leases": leases[:1]}).json
    assert stolen["lost"] == [run]


def test_a_claim_waits_until_a_run_is_there(server: Any):
    make_pool(server)
    found: list[Any] = []

    def wait() -> None:
        began = time.monotonic()
        answer = server.post("/headrace/claims", body(wait_seconds=10)).json
        found.extend((answer["runs"], time.monotonic() - began))

    thread = threading.Thread(target=wait)
    thread.start()
    time.sleep(0.2)  # it waits at the desk by now; if not, the run is found at once
    [run] = make_runs(server, 1)
    thread.join(15)
    [claimed], seconds = found
    assert claimed["flow_run"]["id"] == run
    assert seconds < 5


def test_a_claim_needs_a_pool_or_deployments(sqlite_server: Any):
    assert sqlite_server.post("/headrace/claims", body(work_pool_name=None)).status == 422
    assert sqlite_server.post("/headrace/claims", body()).status == 404


def test_a_run_whose_job_cannot_be_made_is_crashed_with_the_reason(server: Any):
    template = {
        "job_configuration": {"image": "{{ prefect.variables.image }}"},
        "variables": {"properties": {}},
    }
    make_pool(server, base_job_template=template)
    [run] = make_runs(server, 1)
    assert server.post("/headrace/claims", body()).json["runs"] == []
    state = server.get(f"/flow_runs/{run}").json["state"]
    assert state["type"] == "CRASHED"
    assert "image" in state["message"]
