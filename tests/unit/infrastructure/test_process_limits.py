"""What a job may use: what is refused, and control groups on a tree made of plain files."""

import os
from pathlib import Path

import pytest

from headrace.errors import InfrastructureError
from headrace.infrastructure.contract import Handle
from headrace.infrastructure.process.ends import GROUP, MEMORY, reason_of_end
from headrace.infrastructure.process.groups import enter_group, group_of, leave_group, take_groups
from headrace.infrastructure.process.limits import LEAST_MEMORY, Limits, read_limits


def test_limits_are_read_and_are_optional():
    assert not read_limits({})
    assert read_limits({"memory_limit": None, "cpu_limit": None}) == Limits()
    assert read_limits({"memory_limit": 256, "cpu_limit": 0.5}) == Limits(256, 0.5)
    assert read_limits({"cpu_limit": 2}) == Limits(None, 2.0)


@pytest.mark.parametrize(
    ("configuration", "named"),
    [
        ({"memory_limit": "256"}, "'memory_limit' is '256'; give it as a whole number of MiB"),
        ({"memory_limit": 1.5}, "'memory_limit' is 1.5"),
        ({"memory_limit": True}, "'memory_limit' is True"),
        ({"memory_limit": LEAST_MEMORY - 1}, f"{LEAST_MEMORY} or more"),
        ({"cpu_limit": "all"}, "'cpu_limit' is 'all'; give it as a number of processors"),
        ({"cpu_limit": 0}, "'cpu_limit' is 0"),
        ({"cpu_limit": -1}, "'cpu_limit' is -1"),
        ({"cpu_limit": float("nan")}, "'cpu_limit' is nan"),
        ({"cpu_limit": float("inf")}, "'cpu_limit' is inf"),
        ({"cpu_limit": False}, "'cpu_limit' is False"),
    ],
)
def test_a_limit_that_is_no_limit_is_refused_with_its_value(configuration: dict, named: str):
    with pytest.raises(InfrastructureError, match=named):
        read_limits(configuration)


def test_a_system_that_keeps_no_limits_says_so(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("sys.platform", "darwin")
    assert not read_limits({})
    with pytest.raises(InfrastructureError, match="darwin keeps for no process"):
        read_limits({"memory_limit": 256})


class Tree:
    """The files of a control group that a service manager gave away."""

    def __init__(self, directory: Path, controllers: str = "cpu io memory") -> None:
        self.mounted = directory / "cgroup"
        self.root = self.mounted / "system.slice" / "w.service"
        self.root.mkdir(parents=True)
        self.own = directory / "own"
        self.own.write_text("1:name=systemd:/x\n0::/system.slice/w.service\n")
        (self.root / "cgroup.controllers").write_text(controllers)
        (self.root / "cgroup.subtree_control").write_text("")
        self.hold(os.getpid())

    def hold(self, *members: int) -> None:
        (self.root / "cgroup.procs").write_text("".join(f"{pid}\n" for pid in members))

    def take(self) -> Path | None:
        return take_groups(self.mounted, self.own)


def test_a_worker_with_a_group_of_its_own_moves_down_and_divides_it(tmp_path: Path):
    tree = Tree(tmp_path)
    assert tree.take() == tree.root
    assert (tree.root / "worker" / "cgroup.procs").read_text() == str(os.getpid())
    assert (tree.root / "cgroup.subtree_control").read_text() == "+cpu +memory"


def test_a_group_that_was_divided_before_is_found_from_below(tmp_path: Path):
    tree = Tree(tmp_path)
    (tree.root / "cgroup.subtree_control").write_text("cpu memory")
    tree.own.write_text("0::/system.slice/w.service/worker\n")
    assert tree.take() == tree.root


@pytest.mark.parametrize("case", ["shared", "no memory", "the first group", "version 1", "none"])
def test_a_group_that_is_not_the_worker_s_alone_is_left_as_it_is(tmp_path: Path, case: str):
    tree = Tree(tmp_path, "cpu" if case == "no memory" else "cpu memory")
    if case == "shared":
        tree.hold(os.getpid(), 1)
    elif case == "the first group":
        tree.own.write_text("0::/\n")
    elif case == "version 1":
        tree.own.write_text("4:memory:/system.slice/w.service\n")
    elif case == "none":
        tree.own.unlink()
    assert tree.take() is None
    assert not (tree.root / "worker").exists()
    assert (tree.root / "cgroup.subtree_control").read_text() == ""


def test_a_job_enters_a_group_that_has_its_limits(tmp_path: Path):
    path = Path(group_of(tmp_path, "run.1"))
    path.mkdir()
    for name in ("memory.swap.max", "memory.oom.group"):
        (path / name).write_text("")
    assert enter_group(str(path), 256, 1.5)
    read = {file.name: file.read_text() for file in path.iterdir()}
    assert read == {
        "memory.max": str(256 * 2**20),
        "memory.swap.max": "0",
        "memory.oom.group": "1",
        "cpu.max": "150000 100000",
        "cgroup.procs": str(os.getpid()),
    }


def test_where_no_group_can_be_made_the_caller_is_told(tmp_path: Path):
    assert not enter_group(str(tmp_path / "no" / "such" / "place"), 256, None)


def test_a_group_says_whether_memory_ran_out_and_goes(tmp_path: Path):
    empty = tmp_path / "job-2"
    empty.mkdir()
    assert not leave_group(str(empty))
    assert not empty.exists()
    (tmp_path / "memory.events").write_text("low 0\nmax 12\noom 1\noom_kill 1\noom_group_kill 1\n")
    assert leave_group(str(tmp_path))
    (tmp_path / "memory.events").write_text("low 0\nmax 3\noom 0\noom_kill 0\n")
    assert not leave_group(str(tmp_path))


def handle(**details: str | int) -> Handle:
    return Handle(kind="process", run_id="run", epoch=1, details=details)


@pytest.mark.parametrize(
    "line",
    [
        "MemoryError",
        "MemoryError: Unable to allocate 2.00 GiB",
        "terminate called after throwing an instance of 'std::bad_alloc'",
        "OSError: [Errno 12] Cannot allocate memory",
    ],
)
def test_a_process_that_ran_out_of_memory_is_told_from_others(line: str):
    limited = handle(**{MEMORY: 256})
    assert reason_of_end(limited, 1, ["x", line]) == "ran out of memory: limit 256 MiB"
    assert reason_of_end(limited, 1, ["ValueError: x"]) == "exited with code 1"
    assert reason_of_end(limited, 0, [line]) == "exited with code 0"
    assert reason_of_end(handle(), 1, [line]) == "exited with code 1"


def test_the_kernel_s_word_decides_where_there_is_a_group(tmp_path: Path):
    (tmp_path / "memory.events").write_text("oom_kill 1\n")
    limited = handle(**{MEMORY: 100, GROUP: str(tmp_path)})
    assert reason_of_end(limited, -9, []) == "ran out of memory: limit 100 MiB"
    (tmp_path / "memory.events").write_text("oom_kill 0\n")
    assert "SIGKILL" in reason_of_end(limited, -9, [])
