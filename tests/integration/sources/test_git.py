"""Code from git repositories, by the git program's own server over HTTP."""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from headrace.errors import CodeUnavailable
from headrace.settings import temporary_settings
from headrace.sources.git import git_clone
from headrace.sources.storages import GitRepository
from tests.integration.sources.git_server import GitServer, Repository

TOKEN = "tok-3n-secret"


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The working directory of a run, on a machine that has fetched nothing yet."""
    for name in ("GIT_CONFIG_GLOBAL", "GIT_CONFIG_SYSTEM"):  # of whoever runs the tests
        monkeypatch.setenv(name, os.devnull)
    run = tmp_path / "run"
    run.mkdir()
    monkeypatch.chdir(run)
    with temporary_settings(home=tmp_path / "home"):
        yield run


@pytest.fixture
def hosts(tmp_path: Path) -> Iterator[Callable[..., GitServer]]:
    started: list[GitServer] = []

    def start(login: str | None = None) -> GitServer:
        root = tmp_path / f"host-{len(started)}"
        root.mkdir()
        started.append(GitServer(root, login))
        return started[-1]

    yield start
    for server in started:
        server.close()


def read(directory: str, name: str = "flow.py") -> str:
    return Path(directory, name).read_text()


def test_branches_tags_and_commits(place: Path, hosts: Callable[..., GitServer]):
    """The default branch, another one, a tag of either kind, a whole and an abbreviated commit."""
    host = hosts()
    repository = Repository(host.root, "code")
    first = repository.commit("flow.py", "1")
    repository.git("tag", "light")
    repository.git("tag", "-a", "heavy", "-m", "x")
    repository.git("push", "-q", "origin", "--tags")
    second = repository.commit("flow.py", "2")
    repository.commit("flow.py", "3", branch="feature/x")
    url = host.url("code")
    assert read(git_clone(url)["directory"]) == "2"
    branch = git_clone(url, branch="feature/x")["directory"]
    assert (read(branch), Path(branch).name) == ("3", "code-feature-x")
    for tag in ("light", "heavy"):
        assert read(git_clone(url, branch=tag)["directory"]) == "1"
    for number, commit in enumerate((first, first[:10])):
        name = f"c{number}"
        assert (
            read(git_clone(url, commit_sha=commit, clone_directory_name=name)["directory"]) == "1"
        )
    head = subprocess.check_output(
        ["git", "-C", str(place / "code"), "rev-parse", "HEAD"], text=True
    )
    assert head.strip() == second, "the flow's code can ask git what it is"


@pytest.mark.parametrize("what", [{"branch": "nope"}, {"commit_sha": "f" * 40}])
def test_what_is_not_there_is_named(place: Path, hosts: Callable[..., GitServer], what: dict):
    """The message has the repository and what was asked for."""
    host = hosts()
    Repository(host.root, "code").commit("flow.py", "1")
    with pytest.raises(
        CodeUnavailable, match=rf"{host.url('code')} has no .*{next(iter(what.values()))}"
    ):
        git_clone(host.url("code"), **what)


def test_a_push_is_seen_by_the_next_run_and_code_of_others_is_not_touched(
    place: Path, hosts: Callable[..., GitServer]
):
    """Our copy is brought up to date; a directory that is not ours is left as it is."""
    host = hosts()
    repository = Repository(host.root, "code")
    repository.commit("flow.py", "1")
    directory = git_clone(host.url("code"))["directory"]
    Path(directory, "written-by-the-flow").write_text("x")
    repository.commit("flow.py", "2")
    assert read(git_clone(host.url("code"))["directory"]) == "2"
    assert not Path(directory, "written-by-the-flow").exists()
    (place / "mine").mkdir()
    with pytest.raises(CodeUnavailable, match="left as it is"):
        git_clone(host.url("code"), clone_directory_name="mine")


def test_only_some_directories(place: Path, hosts: Callable[..., GitServer]):
    """Files at the top and those of the directories that were named."""
    host = hosts()
    repository = Repository(host.root, "code")
    for name in ("flow.py", "a/x", "b/y"):
        repository.commit(name, name)
    directory = Path(git_clone(host.url("code"), directories=["a"])["directory"])
    found = {
        path.relative_to(directory).as_posix() for path in directory.rglob("*") if path.is_file()
    }
    assert {name for name in found if not name.startswith(".git/")} == {"flow.py", "a/x"}


@pytest.mark.parametrize(
    ("login", "given"),
    [
        ("x-access-token:" + TOKEN, {"access_token": TOKEN}),
        ("u:" + TOKEN, {"credentials": {"username": "u", "access_token": TOKEN}}),
        ("u:" + TOKEN, {"credentials": {"username": "u", "password": TOKEN}}),
        ("u:" + TOKEN, {"access_token": "u:" + TOKEN}),
    ],
)
def test_private_repositories_and_nothing_that_keeps_their_credentials(
    place: Path, hosts: Callable[..., GitServer], login: str, given: dict
):
    """The token opens it, and is in no file of this machine, nor in the copy that the run gets."""
    host = hosts(login)
    Repository(host.root, "code").commit("flow.py", "1")
    assert read(git_clone(host.url("code"), **given)["directory"]) == "1"
    home = place.parent / "home"
    for directory in (home, place):
        for path in directory.rglob("*"):
            assert not path.is_file() or TOKEN.encode() not in path.read_bytes(), path


def test_a_wrong_token_says_so_without_repeating_it(place: Path, hosts: Callable[..., GitServer]):
    """Nobody is asked for another at a terminal, and no message has the token."""
    host = hosts("u:" + TOKEN)
    Repository(host.root, "code").commit("flow.py", "1")
    for given in ({}, {"access_token": "u:wrong-one"}):
        with pytest.raises(CodeUnavailable, match="failed") as refused:
            git_clone(host.url("code"), **given)
        assert "wrong-one" not in str(refused.value)
    url = f"http://u:{TOKEN}@{host.host}/code.git"
    assert read(git_clone(url)["directory"]) == "1"
    with pytest.raises(CodeUnavailable) as missing:
        git_clone(url, branch="nope")
    assert TOKEN not in str(missing.value)


def test_credentials_are_never_arguments_of_a_program(
    place: Path, hosts: Callable[..., GitServer], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """What `ps` shows to other users of the machine has no token in it."""
    host = hosts("u:" + TOKEN)
    Repository(host.root, "code").commit("flow.py", "1")
    log = tmp_path / "arguments"
    real = subprocess.check_output(["which", "git"], text=True).strip()
    (tmp_path / "bin").mkdir()
    wrapper = tmp_path / "bin" / "git"
    wrapper.write_text(f'#!/bin/sh\nprintf "%s\\n" "$*" >> {log}\nexec {real} "$@"\n')
    wrapper.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:{os.environ['PATH']}")
    git_clone(f"http://u:{TOKEN}@{host.host}/code.git")
    assert "ls-remote" in log.read_text()
    assert TOKEN not in log.read_text()


def test_submodules_get_the_credentials_of_their_own_host_only(
    place: Path, hosts: Callable[..., GitServer], monkeypatch: pytest.MonkeyPatch
):
    """A sub-module elsewhere is fetched as anyone; it cannot collect the repository's token."""
    private, elsewhere = hosts("u:" + TOKEN), hosts()
    for host, name in ((private, "inner"), (elsewhere, "outer")):
        Repository(host.root, name).commit("lib.py", name)
    repository = Repository(private.root, "code")
    repository.commit("flow.py", "1")
    for host, name in ((private, "inner"), (elsewhere, "outer")):
        repository.git("submodule", "add", "-q", str(host.root / f"{name}.git"), name)
        repository.git("config", "-f", ".gitmodules", f"submodule.{name}.url", host.url(name))
    repository.commit("more.py", "2")
    url = private.url("code")
    directory = git_clone(url, include_submodules=True, access_token="u:" + TOKEN)["directory"]
    assert read(directory, "inner/lib.py") == "inner"
    assert read(directory, "outer/lib.py") == "outer"
    assert {user for _, user in elsewhere.asked} == {None}
    bare = git_clone(url, access_token="u:" + TOKEN, clone_directory_name="bare")["directory"]
    assert not Path(bare, "inner/lib.py").exists()


def test_runs_that_start_together_ask_their_repository_once(
    place: Path, hosts: Callable[..., GitServer]
):
    """They were due before the first of them looked, so what it saw is new enough for all."""
    host = hosts()
    Repository(host.root, "code").commit("flow.py", "1")
    code = (
        "import sys; from headrace.sources.scratch import enter_scratch\n"
        "from headrace.sources.git import git_clone\n"
        "from pathlib import Path\n"
        "enter_scratch(float(sys.argv[2]))\n"
        "print(Path(git_clone(sys.argv[1])['directory'], 'flow.py').read_text(), Path.cwd())"
    )
    environment = {**os.environ, "HEADRACE_HOME": str(place.parent / "home")}
    command = [sys.executable, "-c", code, host.url("code"), str(time.time())]
    runs = [
        subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)
        for _ in range(10)
    ]
    said = [run.communicate(timeout=60)[0].split() for run in runs]
    assert {text for text, _ in said} == {"1"}
    assert len({directory for _, directory in said}) == 10, "each has a directory of its own"
    assert not any(Path(directory).exists() for _, directory in said), "which ends with it"
    looked = [path for path, _ in host.asked]
    assert len(looked) == 2, "one look at the branch, one fetch"


def test_a_repository_is_read_over_ssh_and_from_files_too(
    place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """Any address that the git program speaks; ssh is given nothing to ask."""
    Repository(tmp_path, "code").commit("flow.py", "1")
    assert read(git_clone(f"file://{tmp_path}/code.git")["directory"]) == "1"
    stand_in = tmp_path / "ssh"
    # what sshd does with the command of a client, without the network between them
    stand_in.write_text('#!/bin/sh\nfor last; do :; done\nexec sh -c "$last"\n')
    stand_in.chmod(0o755)
    monkeypatch.setenv("GIT_SSH_COMMAND", str(stand_in))
    monkeypatch.setenv("GIT_SSH_VARIANT", "ssh")
    again = git_clone(f"someone@host:{tmp_path}/code.git", clone_directory_name="ssh-code")
    assert read(again["directory"]) == "1"


def test_a_repository_pulls_where_it_is_told_to(place: Path, hosts: Callable[..., GitServer]):
    """The storage that flows are deployed from does the same as the step."""
    host = hosts()
    Repository(host.root, "code").commit("flow.py", "1")
    storage = GitRepository(host.url("code"), branch="main", name="there")
    storage.set_base_path(place / "below")
    storage.pull_code()
    assert storage.destination == place / "below" / "there"
    assert read(str(storage.destination)) == "1"
