"""What a run's job is made of, told by `/headrace/flow_runs/{id}/job`, and what claims say of it."""

from typing import Any
from uuid import uuid4

from test_claims_over_http import save_block

TEMPLATE = {
    "job_configuration": {
        "image": "{{ image }}",
        "env": "{{ env }}",
        "labels": {"team": "is {{ prefect.variables.team }}", "fixed": 1},
        "token": "{{ headrace.blocks.secret.token }}",
        "memory": "{{ memory }}",
        "left_out": "{{ absent }}",
    },
    "variables": {
        "properties": {
            "image": {"type": "string", "default": "python"},
            "env": {"type": "object", "default": {"A": "pool", "B": "pool"}},
            "memory": {"type": "integer", "maximum": 64},
            "absent": {"type": "string"},
        }
    },
}


def launch(server: Any, agent: str = "headrace/0", **variables: object) -> str:
    """A run of a deployment in a pool of TEMPLATE; both have job variables."""
    pool = {"name": "p", "type": "docker", "base_job_template": TEMPLATE}
    assert server.post("/work_pools/", pool).status == 201
    flow = server.post("/flows/", {"name": "f"}).json["id"]
    body = {"name": "d", "flow_id": flow, "work_pool_name": "p", "job_variables": variables}
    made = server.post("/deployments/", body, headers={"user-agent": agent})
    assert made.status == 201, made.body
    asked = {"job_variables": {"env": {"B": "run", "API_KEY": "hidden"}}}
    path = f"/deployments/{made.json['id']}/create_flow_run"
    return server.post(path, asked, headers={"user-agent": agent}).json["id"]


def account(server: Any, run: str) -> dict[str, Any]:
    """The account, its parts by their paths."""
    answer = server.get(f"/headrace/flow_runs/{run}/job")
    assert answer.status == 200, answer.body
    told = answer.json
    told["parts"] = {part["path"]: (part["value"], part["sources"]) for part in told["parts"]}
    return told


def claim(server: Any) -> list[dict[str, Any]]:
    body = {"claim_id": str(uuid4()), "owner": "w1", "work_pool_name": "p"}
    return server.post("/headrace/claims", body).json["runs"]


def test_each_value_and_who_gave_it(server: Any):
    """Template, defaults, deployment, run, variables and blocks; secrets are masked."""
    save_block(server, "secret", "token", {"value": "t0p"})
    server.post("/variables/", {"name": "team", "value": "blue"})
    server.post("/variables/", {"name": "tag", "value": "app:2"})
    run = launch(server, image="{{ prefect.variables.tag }}", env={"B": "deployment", "C": "d"})
    told = account(server, run)
    assert (told["work_pool_name"], told["work_pool_type"]) == ("p", "docker")
    assert (told["unknown"], told["problems"]) == ([], [])
    assert told["parts"] == {
        "image": ("app:2", ["deployment", "variable tag"]),
        "env.A": ("pool", ["pool default"]),
        "env.B": ("run", ["run"]),
        "env.C": ("d", ["deployment"]),
        "env.API_KEY": ("********", ["run"]),
        "labels.team": ("is blue", ["variable team"]),
        "labels.fixed": (1, ["template"]),
        "token": ("********", ["block secret/token"]),
        "env.HEADRACE_API_URL": (None, ["worker settings"]),
        "env.HEADRACE__FLOW_RUN_ID": (run, ["run"]),
    }
    [claimed] = claim(server)
    assert claimed["job_configuration"]["token"] == "t0p"
    assert claimed["job_configuration"]["env"]["API_KEY"] == "hidden"
    state = {"type": "COMPLETED"}
    server.post(f"/flow_runs/{run}/set_state", {"state": state, "force": True})
    assert account(server, run) == told, "also when it is over"


def test_a_job_that_cannot_be_made_says_why(sqlite_server: Any):
    """The same sentence that the run is crashed with when it is claimed."""
    server = sqlite_server
    server.post("/variables/", {"name": "team", "value": "blue"})
    run = launch(server)
    told = account(server, run)
    assert told["parts"] == {}
    [problem] = told["problems"]
    assert "'token' refers to the block 'secret/token', which does not exist" in problem
    assert claim(server) == []
    assert problem in server.get(f"/flow_runs/{run}").json["state"]["message"]


def test_what_a_reference_stands_for_is_checked(sqlite_server: Any):
    """It could not be when the deployment was made: the run crashes with the field and the value."""
    server = sqlite_server
    save_block(server, "secret", "token", {"value": "t0p"})
    server.post("/variables/", {"name": "team", "value": "blue"})
    server.post("/variables/", {"name": "memory", "value": 65})
    run = launch(server, memory="{{ prefect.variables.memory }}")
    assert claim(server) == []
    message = server.get(f"/flow_runs/{run}").json["state"]["message"]
    assert "job variable 'memory': 65 is greater than the maximum of 64" in message


def test_unknown_variables_are_told_in_the_run_s_log(sqlite_server: Any):
    """The contract's clients may send what the template does not have; nothing is dropped silently."""
    server = sqlite_server
    save_block(server, "secret", "token", {"value": "t0p"})
    server.post("/variables/", {"name": "team", "value": "blue"})
    run = launch(server, "prefect/3.8.8", imgae="app:2")
    told = account(server, run)
    assert told["unknown"] == ["deployment: imgae"]
    assert told["sdk"] == "prefect"
    assert told["parts"]["env.PREFECT__FLOW_RUN_ID"] == (run, ["run"])
    assert len(claim(server)) == 1
    wanted = {"logs": {"flow_run_id": {"any_": [run]}}}
    [line] = server.post("/logs/filter", wanted).json
    assert line["level"] == 30
    assert "'imgae' (deployment): they do nothing" in line["message"]


def test_runs_without_a_pool_and_without_a_row(sqlite_server: Any):
    """No pool, no job; no run, no account."""
    flow = sqlite_server.post("/flows/", {"name": "f"}).json["id"]
    run = sqlite_server.post("/flow_runs/", {"flow_id": flow}).json["id"]
    told = account(sqlite_server, run)
    assert (told["work_pool_name"], told["parts"], told["problems"]) == (None, {}, [])
    assert sqlite_server.get(f"/headrace/flow_runs/{uuid4()}/job").status == 404
