"""Claims and leases over HTTP."""

import http.client
import json
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

from test_work_pools_over_http import make_pool, make_runs
from tests.waiting import wait_until


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


def waiting(server: Any) -> int:
    """How many claims wait at the server's desks."""
    return sum(
        len(desk.waiting) for desk in list(server.app.services.claims._desks._desks.values())
    )


def test_a_claim_waits_until_a_run_is_there(server: Any):
    make_pool(server)
    found: list[Any] = []

    def wait() -> None:
        began = time.monotonic()
        answer = server.post("/headrace/claims", body(wait_seconds=30)).json
        found.extend((answer["runs"], time.monotonic() - began))

    thread = threading.Thread(target=wait)
    thread.start()
    wait_until(lambda: waiting(server) == 1)
    [run] = make_runs(server, 1)
    thread.join(60)
    [claimed], seconds = found
    assert claimed["flow_run"]["id"] == run
    assert seconds < 25  # of the 30 that it would wait


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


def save_block(server: Any, slug: str, name: str, data: object) -> str:
    kind = server.get(f"/block_types/slug/{slug}").json["id"]
    wanted = {"block_schemas": {"block_type_id": {"any_": [kind]}}}
    [schema] = server.post("/block_schemas/filter", wanted).json
    given = {"block_type_id": kind, "block_schema_id": schema["id"], "name": name, "data": data}
    return server.post("/block_documents/", given).json["id"]


def test_a_job_has_the_values_of_blocks_and_variables(server: Any):
    """By both spellings of the placeholders, a field by its path, and a document by its id."""
    save_block(server, "secret", "token", {"value": "t0p"})
    save_block(server, "secret", "login", {"value": {"user": "ann"}})
    hook = save_block(server, "webhook", "hook", {"url": "http://a", "headers": {"x": "y"}})
    server.post("/variables/", {"name": "image", "value": "python"})
    template = {
        "job_configuration": {
            "token": "{{ prefect.blocks.secret.token }}",
            "line": "as {{ headrace.blocks.secret.login.user }} on {{ prefect.variables.image }}",
            "header": "{{ headrace.blocks.webhook.hook.headers.x }}",
            "hook": "{{ hook }}",
        },
        "variables": {
            "properties": {"hook": {"default": {"$ref": {"block_document_id": hook}}}},
        },
    }
    make_pool(server, base_job_template=template)
    make_runs(server, 1)
    [run] = server.post("/headrace/claims", body()).json["runs"]
    assert run["job_configuration"] == {
        "token": "t0p",
        "line": "as ann on python",
        "header": "y",
        "hook": {"url": "http://a", "headers": {"x": "y"}},
    }


def test_a_job_whose_block_is_missing_is_crashed_with_the_reason(server: Any):
    template = {
        "job_configuration": {"token": "{{ prefect.blocks.secret.nobody }}"},
        "variables": {"properties": {}},
    }
    make_pool(server, base_job_template=template)
    [run] = make_runs(server, 1)
    assert server.post("/headrace/claims", body()).json["runs"] == []
    assert "secret/nobody" in server.get(f"/flow_runs/{run}").json["state"]["message"]


def test_calls_that_wait_are_answered_when_the_server_stops(server: Any):
    make_pool(server)
    ahead = (datetime.now(UTC) + timedelta(seconds=10)).isoformat()
    poll = {"scheduled_before": ahead}
    assert server.post("/work_pools/p/get_scheduled_flow_runs", poll).json == []
    time.sleep(1.1)  # the next poll in a loop may be held
    calls = {
        "/headrace/claims": body(wait_seconds=30),
        "/work_pools/p/get_scheduled_flow_runs": poll,
    }
    with ThreadPoolExecutor(2) as pool:
        waiting = [pool.submit(server.post, path, sent) for path, sent in calls.items()]
        time.sleep(0.3)
        assert not any(call.done() for call in waiting)
        began = time.monotonic()
        server._loop.call_soon_threadsafe(server.app.services.close_calls)
        assert [call.result(25).status for call in waiting] == [200, 200]
        assert time.monotonic() - began < 25  # of the 30 that the claim would wait


def test_a_caller_that_hangs_up_strands_nothing(server: Any):
    make_pool(server)
    connection = http.client.HTTPConnection("127.0.0.1", server.port)
    headers = {"content-type": "application/json"}
    sent = json.dumps(body(wait_seconds=30))
    connection.request("POST", "/api/headrace/claims", sent, headers)
    wait_until(lambda: waiting(server) == 1)
    connection.close()
    wait_until(lambda: waiting(server) == 0)
    [run] = make_runs(server, 1)
    answer = server.post("/headrace/claims", body(owner="w2", wait_seconds=30)).json
    assert [claimed["flow_run"]["id"] for claimed in answer["runs"]] == [run]
    assert answer["runs"][0]["epoch"] == 1


def last_words(run: str, **fields: object) -> dict[str, object]:
    now = datetime.now(UTC).isoformat()
    event = {
        "id": str(uuid4()),
        "occurred": now,
        "event": "said.something",
        "resource": {"prefect.resource.id": f"prefect.flow-run.{run}"},
    }
    line = {
        "name": "n",
        "level": 20,
        "message": f"of {run}",
        "timestamp": now,
        "flow_run_id": run,
    }
    return {"state": {"type": "COMPLETED"}, "events": [event], "logs": [line], **fields}


def lines_of(server: Any, run: str) -> list[str]:
    only = {"logs": {"flow_run_id": {"any_": [run]}}}
    return [line["message"] for line in server.post("/logs/filter", only).json]


def events_of(server: Any, run: str) -> list[str]:
    resource = {"id": [f"prefect.flow-run.{run}"]}
    asked = {"filter": {"event": {"name": ["said.something"]}, "resource": resource}}
    return [event["event"] for event in server.post("/events/filter", asked).json["events"]]


def test_a_run_ends_with_its_last_reports_in_one_request(server: Any):
    make_pool(server)
    [run] = make_runs(server, 1)
    server.post("/headrace/claims", body())
    server.post(f"/flow_runs/{run}/set_state", {"state": {"type": "RUNNING"}})
    answer = server.post(
        f"/headrace/flow_runs/{run}/end", last_words(run), headers={"x-headrace-epoch": "1"}
    )
    assert (answer.status, answer.json["status"]) == (201, "ACCEPT")
    assert server.get(f"/flow_runs/{run}").json["state_type"] == "COMPLETED"
    assert (lines_of(server, run), events_of(server, run)) == ([f"of {run}"], ["said.something"])


def test_the_reports_of_an_attempt_that_is_over_are_kept_and_its_state_is_not(server: Any):
    make_pool(server)
    [run] = make_runs(server, 1)
    server.post("/headrace/claims", body())
    stale = {"x-headrace-epoch": "7"}
    answer = server.post(f"/headrace/flow_runs/{run}/end", last_words(run), headers=stale)
    assert answer.status == 409
    assert server.get(f"/flow_runs/{run}").json["state_type"] == "PENDING"
    assert lines_of(server, run) == [f"of {run}"]


def test_an_end_with_a_report_that_cannot_be_kept_is_refused_whole(server: Any):
    make_pool(server)
    [run] = make_runs(server, 1)
    words = last_words(run)
    words["events"][0]["resource"] = {"prefect.resource.name": "nameless"}  # type: ignore[index]
    answer = server.post(f"/headrace/flow_runs/{run}/end", words)
    assert answer.status == 422
    assert "resource" in str(answer.json)
    assert lines_of(server, run) == []
    assert server.get(f"/flow_runs/{run}").json["state_type"] == "SCHEDULED"
