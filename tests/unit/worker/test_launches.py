from pathlib import Path

import pytest

from headrace.errors import InfrastructureError
from headrace.infrastructure.contract import Job
from headrace.infrastructure.process.launches import Launch, plan_launch


def planned(**configuration: object) -> Launch:
    job = Job("run", 2, "a run", configuration, {"ID": "run"})
    base = {"A": "1", "B": "2", "HEADRACE_SERVER_API_KEY": "secret"}
    return plan_launch(job, base, Path("/out"), "/")


def test_the_job_s_environment_is_laid_over_the_worker_s_without_the_server_s_secrets():
    launch = planned(env={"B": None, "C": 3})
    assert launch.environment == {"A": "1", "C": "3"}
    assert launch.identity == {"ID": "run"}
    assert not launch.fresh
    assert launch.key == "run.2"


@pytest.mark.parametrize(
    "configuration",
    [
        {"command": "python x.py"},
        {"user": "nobody"},
        {"env": {"PYTHONPATH": "/x"}},
        {"env": {"PYTHONHASHSEED": None}},
        {"env": {"LD_PRELOAD": "/x.so"}},
        {"env": {"OMP_NUM_THREADS": 1}},
        {"env": {"PATH": "/bin"}},
    ],
)
def test_what_an_interpreter_reads_before_our_code_needs_one_of_its_own(configuration: dict):
    assert planned(**configuration).fresh


def test_a_command_is_split_as_a_shell_would():
    assert planned(command="python -m 'a b'").command == ("python", "-m", "a b")
    assert planned(command=["a b", "c"]).command == ("a b", "c")
    assert planned(command="").command is None


@pytest.mark.parametrize(
    ("configuration", "named"),
    [
        ({"command": "a 'b"}, "a 'b"),
        ({"env": "A=1"}, "A=1"),
        ({"working_dir": "/no/such"}, "/no/such"),
    ],
)
def test_a_value_that_cannot_be_used_is_named(configuration: dict, named: str):
    with pytest.raises(InfrastructureError, match=named):
        planned(**configuration)
