"""What a warm parent does once, so that its children find it done, leaves no trace."""

import json
import os
import subprocess
import sys

from tests.integration.stand_in import StandIn, running

PROGRAM = """
import json, os, sys
from headrace.worker.warm import flow, rehearsal
from headrace.engine.recorder import _Recorders
from headrace.client.default import _Default
from headrace.settings import settings

rounds = []
run = flow.execute_flow_run
flow.execute_flow_run = lambda claimed: rounds.append(run(claimed))
before = (os.getcwd(), sys.path[:], sorted(os.listdir("/proc/self/fd")))
flow.rehearse()
after = (os.getcwd(), sys.path[:], sorted(os.listdir("/proc/self/fd")))
try:
    left = os.waitpid(-1, os.WNOHANG)
except ChildProcessError:
    left = None
print(json.dumps({
    "rounds": rounds, "same": before == after, "children": left,
    "threads": len(os.listdir("/proc/self/task")), "recorders": len(_Recorders.by_client),
    "held": _Recorders.is_held_back, "url": settings().api_url, "client": _Default.client.url,
    "modules": [name for name in sys.modules if name.startswith("__headrace") or "rehearsed" in name],
}))
"""


def test_a_rehearsal_completes_its_runs_and_leaves_nothing_behind(tmp_path):
    """The API that the process is set to hears of none of it."""
    with running(StandIn(("127.0.0.1", 0))) as api:
        environment = {
            **os.environ,
            "HEADRACE_HOME": str(tmp_path),
            "HEADRACE_API_URL": api.url,
        }
        done = subprocess.run(
            [sys.executable, "-c", PROGRAM],
            env=environment,
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=100,
            check=False,
        )
        heard = list(api.requests)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    told = json.loads(done.stdout)
    assert told.pop("rounds") == [0] * 16
    assert told == {
        "same": True,
        "children": None,
        "threads": 1,
        "recorders": 0,
        "held": False,
        "url": api.url,
        "client": api.url,
        "modules": [],
    }
    assert heard == []
