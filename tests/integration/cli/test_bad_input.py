"""Bad input at the terminal: one clear line, an exit code that is not 0, nothing half-written."""

import json
import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.integration.cli.conftest import program

Run = Callable[..., subprocess.CompletedProcess[str]]

FLOW = """
from headrace import flow

@flow
def add(x: int, when: str = "now"):
    return x
"""

# A directory's mode does not bind root, unless this right is dropped: 24 is PR_CAPBSET_DROP, 1 is
# CAP_DAC_OVERRIDE. For another user the call does nothing.
UNPRIVILEGED = """
import ctypes, os, sys
ctypes.CDLL(None).prctl(24, 1, 0, 0, 0)
os.execv(sys.executable, [sys.executable, "-m", "headrace.cli", *sys.argv[1:]])
"""


def refused(done: subprocess.CompletedProcess[str], *words: str) -> None:
    """It failed with one line on standard error that has the words; standard output is empty."""
    assert done.returncode not in (0, 124), done.stdout
    lines = [line for line in done.stderr.splitlines() if line.strip()]
    assert len(lines) == 1, done.stderr
    assert not done.stdout
    for word in words:
        assert word in lines[0], lines[0]


@pytest.fixture(scope="module")
def deployed(headrace: Run, url: str, tmp_path_factory: pytest.TempPathFactory) -> str:
    """A deployment of a flow with one required whole number."""
    folder = tmp_path_factory.mktemp("flows")
    (folder / "adding.py").write_text(FLOW)
    assert headrace("work-pool", "create", "bad-input", "--type", "process").returncode == 0
    script = (
        "from adding import add; "
        "add.deploy(name='d', work_pool_name='bad-input', print_next_steps=False)"
    )
    run = subprocess.run(
        [sys.executable, "-c", script],
        env=os.environ | {"HEADRACE_API_URL": url, "PYTHONPATH": str(folder)},
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    return "add/d"


@pytest.mark.parametrize(
    ("template", "words"),
    [
        ("{broken", ["template.json", "JSON"]),
        ("[1, 2]", ["base_job_template"]),
        ('{"variables": {}}', ["job_configuration"]),
        (
            '{"job_configuration": {"command": "{{ nope }}"}, "variables": {"properties": {}}}',
            ["nope"],
        ),
        (
            '{"job_configuration": {}, "variables": {"properties": {"a": {"type": "odd"}}}}',
            ["odd", "properties.a"],
        ),
    ],
)
def test_a_broken_base_job_template(
    headrace: Run, tmp_path: Path, template: str, words: list[str]
) -> None:
    """Neither `create`, `update` nor `worker start` takes it, and no pool is made."""
    file = tmp_path / "template.json"
    file.write_text(template)
    headrace("work-pool", "create", "untouched", "--type", "process")
    before = headrace("work-pool", "inspect", "untouched", "-o", "json").stdout
    with_file = ["--base-job-template", str(file)]
    refused(headrace("work-pool", "create", "broken", "--type", "process", *with_file), *words)
    refused(headrace("work-pool", "update", "untouched", *with_file), *words)
    worker = ["worker", "start", "--pool", "broken", "--type", "process", "--run-once"]
    refused(headrace(*worker, *with_file), *words)
    refused(headrace("work-pool", "inspect", "broken"), "broken")
    assert headrace("work-pool", "inspect", "untouched", "-o", "json").stdout == before


def test_an_unknown_type_of_pool(headrace: Run) -> None:
    """The types that there are are named."""
    refused(headrace("work-pool", "create", "odd", "--type", "proces"), "proces", "process")
    refused(headrace("worker", "start", "--pool", "odd", "--type", "proces"), "proces", "process")
    refused(headrace("work-pool", "inspect", "odd"), "odd")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--param", "x=abc"], ["x", "abc", "integer"]),
        ([], ["x", "required"]),
        (["--param", "x=1", "--param", "y=2"], ["no parameter y", "x, when"]),
        (["--params", "[1]"], ["JSON object"]),
        (["--param", "x=1", "--start-in", "soon"], ["soon"]),
        (["--param", "x=1", "--start-at", "never"], ["never"]),
    ],
)
def test_parameters_that_do_not_fit(
    headrace: Run, deployed: str, arguments: list[str], words: list[str]
) -> None:
    """The parameter and its value are named, and no run is made."""
    refused(headrace("deployment", "run", deployed, *arguments), *words)
    assert json.loads(headrace("flow-run", "ls", "-o", "json").stdout) == []


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--cron", "every day"], ["every day", "5"]),
        (["--cron", "61 * * * *"], ["minute", "61"]),
        (["--cron", "0 0 * * *", "--timezone", "Mars/Base"], ["Mars/Base"]),
        (["--rrule", "FREQ=SOMETIMES"], ["FREQ=SOMETIMES"]),
        (["--interval", "-3"], ["--interval"]),
        (["--interval", "60", "--cron", "* * * * *"], ["one of"]),
    ],
)
def test_a_schedule_that_is_none(
    headrace: Run, deployed: str, arguments: list[str], words: list[str]
) -> None:
    """What is wrong in it is said, and no schedule is made."""
    refused(headrace("deployment", "schedule", "create", deployed, *arguments), *words)
    listed = headrace("deployment", "schedule", "ls", deployed, "-o", "json").stdout
    assert json.loads(listed) == []


def make_garbage(path: Path) -> None:
    path.write_bytes(os.urandom(50_000))


def make_foreign(path: Path) -> None:
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE notes (text)")
    connection.close()


def make_newer(path: Path) -> None:
    done = program(path.parent, "server", "database", "upgrade", "--database", str(path))
    assert done.returncode == 0, done.stderr
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE schema_version SET version_num = '9999'")
    connection.close()
    for file in path.parent.iterdir():
        if file != path:
            file.unlink()


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (make_garbage, ["not an SQLite database"]),
        (make_foreign, ["another program's"]),
        (make_newer, ["9999", "newer"]),
    ],
)
def test_a_database_that_is_not_ours(
    tmp_path: Path, make: Callable[[Path], None], words: list[str]
) -> None:
    """Every command that takes a database refuses it and does not change a byte."""
    path = tmp_path / "data" / "h.db"
    path.parent.mkdir()
    make(path)
    before = path.read_bytes()
    home = tmp_path / "home"
    where = ["--database", str(path)]
    refused(program(home, "server", "start", "--port", "0", *where), *words, "h.db")
    refused(program(home, "server", "start", "-b", "--port", "0", *where), *words, "h.db")
    refused(program(home, "server", "database", "upgrade", *where), *words, "h.db")
    if make is not make_newer:  # a newer database can be copied as it is
        refused(program(home, "server", "backup", str(tmp_path / "copy.db"), *where), *words)
        assert not (tmp_path / "copy.db").exists()
    restored = ["--database", str(tmp_path / "restored.db"), "--yes"]
    refused(program(home, "server", "restore", str(path), *restored), *words)
    assert path.read_bytes() == before
    assert {file.name for file in path.parent.iterdir()} <= {
        "h.db",
        "h.db.lock",
        "h.db-shm",  # what reading leaves beside it
        "h.db-wal",
    }
    assert not list(tmp_path.glob("restored.db*")) or {
        file.name for file in tmp_path.glob("restored.db*")
    } == {"restored.db.lock"}


def test_the_embedded_server_says_why_it_does_not_start(tmp_path: Path) -> None:
    """Garbage where its database belongs: the command that needed it has the reason in its line."""
    make_garbage(tmp_path / "headrace.db")
    refused(program(tmp_path, "flow-run", "ls"), "headrace.db", "not an SQLite database")


@pytest.mark.skipif(sys.platform != "linux", reason="rights of root are dropped as Linux does")
def test_a_directory_that_cannot_be_written(tmp_path: Path) -> None:
    """A database, a backup, the home directory, profiles: the path and the reason."""
    locked = tmp_path / "locked"
    locked.mkdir(mode=0o555)

    def run(home: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
        kept = {k: v for k, v in os.environ.items() if not k.startswith("HEADRACE_")}
        return subprocess.run(
            [sys.executable, "-c", UNPRIVILEGED, *arguments],
            env=kept | {"HEADRACE_HOME": str(home)},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    database = ["--database", str(locked / "h.db")]
    words = ["locked", "Permission denied"]
    refused(run(tmp_path, "server", "start", "--port", "0", *database), *words)
    refused(run(tmp_path, "server", "start", "-b", "--port", "0", *database), *words)
    refused(run(tmp_path, "server", "database", "upgrade", *database), *words)
    for home in (locked, locked / "below"):
        refused(run(home, "flow-run", "ls"), *words)
        refused(run(home, "server", "start", "-b", "--port", "0"), *words)
        refused(run(home, "config", "set", "HEADRACE_LOGGING_LEVEL=INFO"), *words)
        refused(run(home, "profile", "create", "p"), *words)
    own = tmp_path / "own.db"
    assert (
        program(tmp_path, "server", "database", "upgrade", "--database", str(own)).returncode == 0
    )
    copy = ["server", "backup", str(locked / "copy.db"), "--database", str(own)]
    refused(run(tmp_path, *copy), *words)
    assert list(locked.iterdir()) == []


@pytest.fixture
def small_disk(tmp_path: Path):
    """A disk of 40 kB, where this user may mount one."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = shutil.which("mount")
    made = mount and subprocess.run(
        [mount, "-t", "tmpfs", "-o", "size=40k", "tmpfs", str(folder)],
        capture_output=True,
        check=False,
    )
    if not made or made.returncode != 0:
        pytest.skip("this user cannot mount a disk")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def test_a_full_disk(small_disk: Path, tmp_path: Path) -> None:
    """No database, backup or profile is begun that does not fit; what was there stays."""
    path = ["--database", str(small_disk / "h.db")]
    refused(program(tmp_path, "server", "start", "--port", "0", *path), "free space")
    refused(program(tmp_path, "server", "database", "upgrade", *path), "free space")
    own = tmp_path / "own.db"
    assert (
        program(tmp_path, "server", "database", "upgrade", "--database", str(own)).returncode == 0
    )
    copy = ["server", "backup", str(small_disk / "copy.db"), "--database", str(own)]
    refused(program(tmp_path, *copy), "free space")
    assert {file.name for file in small_disk.iterdir()} == {"h.db.lock"}
    setting = ["config", "set", "HEADRACE_LOGGING_LEVEL=INFO"]
    assert program(small_disk, *setting).returncode == 0
    kept = (small_disk / "profiles.toml").read_text()
    with (small_disk / "filler").open("wb", buffering=0) as filler:
        try:
            while filler.write(b"x" * 1024):
                pass
        except OSError:
            pass
    refused(program(small_disk, *setting), "profiles.toml", "No space left")
    refused(program(small_disk, "flow-run", "ls"), "server")
    assert (small_disk / "profiles.toml").read_text() == kept
    assert not list(small_disk.glob("*.draft"))
    assert not list(small_disk.glob("*.new"))


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b'active = "x', ["not a TOML file"]),
        (b"\xff\xfe", ["not a TOML file"]),
        (b'active = "nosuch"\n[profiles.a]\n', ["nosuch", "it has: a"]),
        (b'active = "a"\nprofiles = 3\n', ["profiles", "3", "table"]),
        (b'active = "a"\n[profiles]\na = 3\n', ["profiles.a", "3", "table"]),
        (b'active = "a"\n[profiles.a]\nHEADRACE_CLIENT_MAX_RETRIES = "few"\n', ["few", "whole"]),
    ],
)
def test_profiles_that_cannot_be_read(tmp_path: Path, content: bytes, words: list[str]) -> None:
    """Every command names the file or the setting; the file stays as it is."""
    file = tmp_path / "profiles.toml"
    file.write_bytes(content)
    refused(program(tmp_path, "flow-run", "ls"), *words)
    refused(program(tmp_path, "config", "view"), *words)
    assert file.read_bytes() == content
    assert [path.name for path in tmp_path.iterdir()] == ["profiles.toml"]


def test_a_bad_value_in_a_profile_can_be_mended(tmp_path: Path) -> None:
    """The commands that change profiles work although the setting cannot be read."""
    file = tmp_path / "profiles.toml"
    file.write_text('active = "a"\n[profiles.a]\nHEADRACE_CLIENT_MAX_RETRIES = "few"\n')
    assert program(tmp_path, "profile", "ls").returncode == 0
    assert program(tmp_path, "config", "unset", "HEADRACE_CLIENT_MAX_RETRIES").returncode == 0
    assert program(tmp_path, "config", "validate").returncode == 0


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("CLIENT_MAX_RETRIES", "many", ["whole number"]),
        ("CLIENT_MAX_RETRIES", "-1", ["0 or more"]),
        ("API_REQUEST_TIMEOUT", "-5", ["0 or more"]),
        ("API_REQUEST_TIMEOUT", "nan", ["0 or more"]),
        ("LOGGING_LEVEL", "LOUD", ["LOUD", "DEBUG"]),
        ("API_URL", "localhost", ["http://"]),
        ("PROFILE", "nosuch", ["nosuch"]),
    ],
)
def test_a_bad_setting(tmp_path: Path, name: str, value: str, words: list[str]) -> None:
    """The setting is named with what it may be, by a command and by `config set` alike."""
    done = program(tmp_path, "flow-run", "ls", **{f"HEADRACE_{name}": value})
    refused(done, f"HEADRACE_{name}", *words)
    if name != "PROFILE":
        refused(program(tmp_path, "config", "set", f"HEADRACE_{name}={value}"), *words)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("API_PORT", "x"),
        ("RETENTION_DAYS", "-1"),
        ("LEASE_SECONDS", "-3"),
        ("API_DEFAULT_LIMIT", "0"),
    ],
)
def test_a_bad_setting_of_the_server(tmp_path: Path, name: str, value: str) -> None:
    """The server refuses before it makes a database."""
    given = {f"HEADRACE_SERVER_{name}": value}
    port = [] if name == "API_PORT" else ["--port", "0"]
    database = ["--database", str(tmp_path / "h.db")]
    done = program(tmp_path, "server", "start", *port, *database, **given)
    refused(done, f"HEADRACE_SERVER_{name}", value)
    assert not (tmp_path / "h.db").exists()


def test_what_cannot_be_undone_is_asked_for(tmp_path: Path) -> None:
    """Without a terminal `--yes` is needed to take tables back or to empty the database."""
    database = ["--database", str(tmp_path / "h.db")]
    assert program(tmp_path, "server", "database", "reset", "--yes", *database).returncode == 0
    before = (tmp_path / "h.db").read_bytes()
    plan = program(tmp_path, "server", "database", "downgrade", "--dry-run", *database)
    assert plan.stdout.startswith("would take back")
    refused(program(tmp_path, "server", "database", "downgrade", *database), "--yes")
    refused(program(tmp_path, "server", "database", "reset", *database), "--yes")
    assert (tmp_path / "h.db").read_bytes() == before
