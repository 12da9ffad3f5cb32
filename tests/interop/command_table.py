"""Commands of the contract's command line with what they print, for any server of the contract.

`python -m tests.interop.command_table PYTHON URL PID` runs them with the client that `PYTHON` has against
the server at `URL`, a fresh process `PID`, and writes `command_table.json`: for each its exit code and a
digest of its output, without ids, times and names that servers make up. What it printed is shown by a
failing test.
"""

import hashlib
import json
import re
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.interop.contract_client import CommandLine, ContractClient
from tests.interop.served import Served

RECORDED = Path(__file__).parent / "command_table.json"
NOBODY = "00000000-0000-4000-8000-000000000000"

# What stands in braces is an id of the seeded world.
COMMANDS = """
flow ls
flow-run ls --flow-name seeded
flow-run ls --state Failed
flow-run ls --state-type RUNNING
flow-run ls --state-type NOPE
flow-run ls --limit 500
flow-run inspect {nobody}
flow-run inspect nope
flow-run logs {done}
flow-run logs {done} --head
flow-run logs {done} -t -n 2
flow-run logs {done} -r
flow-run logs {nobody}
flow-run logs {done} -h -t
flow-run watch {done}
flow-run watch {failed}
flow-run cancel {running}
flow-run cancel {planned}
flow-run cancel {nobody}
flow-run retry {done}
flow-run retry {failed}
flow-run retry {nobody}
flow-run delete {planned}
flow-run delete {planned}
flow-run execute {nobody}
task-run ls --state Completed
task-run ls --task-run-name none
task-run inspect {nobody}
task-run logs {task}
task-run logs {nobody}
artifact ls
artifact inspect report --limit 1
artifact inspect none
artifact delete --id {artifact}
artifact delete --id {artifact}
artifact delete report
artifact delete report
artifact delete
variable set v1 1
variable set v1 2
variable set v1 [1,2] --overwrite --tag a
variable get v1
variable ls
variable set Bad-Name 1
variable get none
variable inspect none
variable unset v1
variable unset v1
concurrency-limit create tag 2
concurrency-limit create tag 3
concurrency-limit inspect tag
concurrency-limit ls
concurrency-limit reset none
concurrency-limit inspect none
concurrency-limit delete tag
concurrency-limit delete tag
concurrency-limit create tag -1
global-concurrency-limit create gate -l 3
global-concurrency-limit create gate -l 3
global-concurrency-limit create gate/2 -l 3
global-concurrency-limit create gate2 -l -1
global-concurrency-limit ls
global-concurrency-limit inspect none
global-concurrency-limit update gate
global-concurrency-limit update gate --limit 9
global-concurrency-limit update none --limit 1
global-concurrency-limit disable gate
global-concurrency-limit disable gate
global-concurrency-limit enable gate
global-concurrency-limit enable none
global-concurrency-limit delete gate
global-concurrency-limit delete gate
automation ls
automation inspect none
automation delete none
automation create --from-json {bad}
work-pool create pool --type process
work-pool create pool --type process
work-pool create pool --type process --overwrite
work-pool create other --type nope
work-pool create a/b --type process
work-pool ls
work-pool ls -v
work-pool inspect none
work-pool pause pool
work-pool resume pool
work-pool pause none
work-pool resume none
work-pool update pool --concurrency-limit 3 --description told
work-pool update none --description told
work-pool set-concurrency-limit pool -1
work-pool set-concurrency-limit none 5
work-pool slots pool
work-pool slots none
work-pool clear-concurrency-limit none
work-pool preview pool
work-pool preview none
work-pool storage inspect pool
work-pool storage inspect none
work-pool get-default-base-job-template -t nope
work-queue create q1 -p pool -l 2 -q 1
work-queue create q1 -p pool
work-queue create q2 -p none
work-queue create q3 -p pool -q 0
work-queue create alone
work-queue create alone
work-queue ls
work-queue ls -p none
work-queue inspect none -p pool
work-queue inspect q1 -p none
work-queue pause none -p pool
work-queue resume none -p pool
work-queue set-concurrency-limit none 7 -p pool
work-queue slots q1 -p pool
work-queue clear-concurrency-limit none -p pool
work-queue preview q1 -p pool
work-queue preview none -p pool
work-queue read-runs q1 -p pool
work-queue read-runs none -p pool
work-queue delete q1 -p pool
work-queue delete q1 -p pool
work-queue delete alone
deployment ls
deployment ls none
deployment inspect none/d
deployment inspect bad
deployment run none/d
deployment run
deployment run --id {nobody}
deployment run seeded/d --start-in nope
deployment run seeded/d --start-in 1h --start-at tomorrow
deployment run seeded/d -p unknown=1
deployment run seeded/d --params nope
deployment schedule ls none/d
deployment schedule ls seeded/d
deployment schedule create seeded/d
deployment schedule create seeded/d --interval -5
deployment schedule create seeded/d --interval 60 --cron bad
deployment schedule create seeded/d --cron bad
deployment schedule create seeded/d --rrule bad
deployment schedule create seeded/d --interval 60 --timezone No/Where
deployment schedule create none/d --interval 60
deployment schedule pause seeded/d {nobody}
deployment schedule pause seeded/d
deployment schedule pause --all
deployment schedule resume --all
deployment schedule delete seeded/d {nobody} -y
deployment schedule clear none/d -y
deployment schedule clear seeded/d -y
deployment delete none/d
deployment delete seeded/d
deployment delete --all
work-pool delete pool
work-pool delete pool
block ls
block inspect secret/none
block inspect bad
block delete secret/none
block type inspect none
block type delete none
block register
api GET /health
api GET /nope
api PUT /flows/
api GET /flows/{nobody}
server status
"""


def seed(server: Served) -> dict[str, str]:
    """A world of runs, tasks, lines, artifacts and a deployment; ids by name."""
    flow = server.post("/flows/", {"name": "seeded", "tags": ["a"]})["id"]
    ids = {"nobody": NOBODY, "bad": '{"name":1}'}
    ends = {"done": "COMPLETED", "failed": "FAILED", "running": None}
    for name, end in ends.items():
        made = {"flow_id": flow, "name": name, "state": {"type": "PENDING"}}
        ids[name] = server.post("/flow_runs/", made)["id"]
        for kind in filter(None, ("RUNNING", end)):
            server.post(f"/flow_runs/{ids[name]}/set_state", {"state": {"type": kind}})
    planned = {"flow_id": flow, "name": "planned", "state": {"type": "SCHEDULED"}}
    ids["planned"] = server.post("/flow_runs/", planned)["id"]
    task = {"flow_run_id": ids["done"], "task_key": "k", "dynamic_key": "0", "name": "task"}
    ids["task"] = server.post("/task_runs/", task)["id"]
    for kind in ("RUNNING", "COMPLETED"):
        server.post(f"/task_runs/{ids['task']}/set_state", {"state": {"type": kind}})
    common = {"name": "prefect.flow_runs", "level": 20, "flow_run_id": ids["done"]}
    lines = [
        common
        | {"message": f"line {at}", "timestamp": f"2026-01-01T00:00:0{at}Z"}
        | ({"task_run_id": ids["task"]} if at % 2 else {})
        for at in range(5)
    ]
    server.post("/logs/", lines)
    for text in ("old", "new"):
        server.post("/artifacts/", {"key": "report", "type": "markdown", "data": text})
    table = {"key": "table", "type": "table", "data": "[]"}
    ids["artifact"] = server.post("/artifacts/", table)["id"]
    schedule = {"schedule": {"cron": "0 9 * * *", "timezone": "UTC"}, "active": False}
    schema = {"type": "object", "properties": {"n": {"type": "integer"}}}
    body = {"name": "d", "flow_id": flow, "schedules": [schedule]}
    server.post("/deployments/", body | {"parameter_openapi_schema": schema})
    return ids


def run_all(prefect: CommandLine, server: Served) -> Iterator[tuple[str, int, str]]:
    """Each command with its exit code and what it printed, of what is the same on every server."""
    ids = seed(server)
    for line in COMMANDS.strip().splitlines():
        words = [ids[word[1:-1]] if word[0] == "{" else word for word in line.split()]
        done = prefect.run(*words)
        text = f"{done.out}\n--\n{done.err}"
        yield line, done.code, plain(text.replace(server.url.removesuffix("/api"), "URL"))


def digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]


_CHANGING = (
    (re.compile(r"(?m)^Traceback \(most recent call last\):\n(?:[ \t]+.*\n)*"), "<frames> "),
    (re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"), "<id>"),
    (re.compile(r"[0-9a-f]{8}-[0-9a-f-]*…"), "<id>"),
    (re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?(Z|\+00:00)?"), "<time>"),
    (re.compile(r"\d\d:\d\d:\d\d\.\d+"), "<time>"),
    (re.compile(r"\b(\d+|an?|a few) (milli)?(second|minute|hour)s? (ago|from now)"), "<ago>"),
    (re.compile(r"\b(in )?(\d+|an?|a few) (second|minute|hour)s?\b|\b(just )?now\b"), "<ago>"),
    (re.compile(r'File "[^"]*"'), "<file>"),
    (re.compile(r"[━─┏┳┓┃┡╇┩│└┴┘├┼┤╭╮╰╯|]+"), " "),
    (re.compile(r"\s+"), " "),
)


def plain(text: str) -> str:
    """The words of an output: no ids, times, frames."""
    for pattern, instead in _CHANGING:
        text = pattern.sub(instead, text)
    return text.strip()


def main() -> None:
    python, url, pid = sys.argv[1:]
    table: dict[str, Any] = {}
    with (
        tempfile.TemporaryDirectory() as directory,
        ContractClient(Path(python), url, Path(directory) / "client") as client,
    ):
        prefect = CommandLine(client)
        server = Served(url, Path(directory) / "log", int(pid))
        for at, (line, code, text) in enumerate(run_all(prefect, server)):
            table[f"{at} {line}"] = [code, digest(text)]
        prefect.close()
    RECORDED.write_text(json.dumps(table, indent=0) + "\n")


if __name__ == "__main__":
    main()
