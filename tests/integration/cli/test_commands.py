"""The command line as people and scripts use it, against a real server."""

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

Run = Callable[..., subprocess.CompletedProcess[str]]


def ok(done: subprocess.CompletedProcess[str]) -> str:
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def refused(done: subprocess.CompletedProcess[str], *words: str) -> None:
    """It failed with one line on standard error that has the words, and no traceback."""
    assert done.returncode != 0
    lines = [line for line in done.stderr.splitlines() if line.strip()]
    assert len(lines) == 1, done.stderr
    for word in words:
        assert word in lines[0]


def test_a_pool_from_creation_to_deletion(headrace: Run) -> None:
    """Create, list, limit, pause, resume, delete; a program reads each as JSON."""
    made = json.loads(
        ok(headrace("work-pool", "create", "pool-a", "--type", "process", "-o", "json"))
    )
    assert made["type"] == "process"
    assert made["base_job_template"]["job_configuration"]["command"] == "{{ command }}"
    ok(headrace("work-pool", "set-concurrency-limit", "pool-a", "3"))
    ok(headrace("work-pool", "pause", "pool-a"))
    shown = json.loads(ok(headrace("work-pool", "inspect", "pool-a", "-o", "json")))
    assert (shown["concurrency_limit"], shown["status"]) == (3, "PAUSED")
    ok(headrace("work-pool", "resume", "pool-a"))
    ok(headrace("work-pool", "clear-concurrency-limit", "pool-a"))
    shown = json.loads(ok(headrace("work-pool", "inspect", "pool-a", "-o", "json")))
    assert (shown["concurrency_limit"], shown["is_paused"]) == (None, False)
    assert "pool-a" in ok(headrace("work-pool", "ls"))
    refused(headrace("work-pool", "delete", "pool-a"), "--yes")
    ok(headrace("work-pool", "delete", "pool-a", "--yes"))
    refused(headrace("work-pool", "inspect", "pool-a"), "pool-a")


def test_queues_keep_their_order(headrace: Run) -> None:
    """A queue put first moves the others back; the list shows the first served first."""
    ok(headrace("work-pool", "create", "pool-q", "--type", "process"))
    ok(headrace("work-queue", "create", "low", "--pool", "pool-q", "--priority", "2"))
    ok(headrace("work-queue", "create", "high", "--pool", "pool-q", "--priority", "1"))
    queues = json.loads(ok(headrace("work-queue", "ls", "--pool", "pool-q", "-o", "json")))
    order = [queue["name"] for queue in queues]
    assert order[0] == "high"
    assert sorted(order) == ["default", "high", "low"]
    assert len({queue["priority"] for queue in queues}) == 3


def test_variables(headrace: Run) -> None:
    """JSON stays JSON, text stays text; overwriting must be asked for."""
    ok(headrace("variable", "set", "answer", '{"a": [1, 2]}'))
    assert json.loads(ok(headrace("variable", "get", "answer"))) == {"a": [1, 2]}
    refused(headrace("variable", "set", "answer", "other"), "--overwrite")
    ok(headrace("variable", "set", "answer", "other", "--overwrite"))
    assert ok(headrace("variable", "get", "answer")).strip() == "other"
    ok(headrace("variable", "unset", "answer", "--yes"))
    refused(headrace("variable", "get", "answer"))


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["work-pool", "inspect", "nowhere"], ["nowhere"]),
        (["work-pool", "create", "p/q", "--type", "process"], ["name"]),
        (["work-pool", "create", "unknown-kind"], ["--type"]),
        (["worker", "start", "--pool", "nowhere", "--no-create-pool-if-not-found"], ["nowhere"]),
        (["deployment", "run", "no/such"], ["Deployment"]),
        (["deployment", "run", "nonsense"], ["flow/deployment"]),
        (["flow-run", "watch", "not-an-id"], ["not-an-id"]),
        (["flow-run", "cancel", "00000000-0000-0000-0000-000000000000"], ["not found"]),
        (["wrok-pool", "ls"], ["work-pool"]),
        (["config", "set", "HEADRACE_NO_SUCH=1"], ["HEADRACE_NO_SUCH"]),
        (["server", "start", "--host", "0.0.0.0", "--port", "0"], ["0.0.0.0", "KEY"]),
        (["server", "start", "--database", "mysql://x/y"], ["mysql"]),
    ],
)
def test_bad_input_gets_one_clear_line(
    headrace: Run, arguments: list[str], words: list[str]
) -> None:
    """Exit code not 0, one line that says what was wrong, no traceback."""
    refused(headrace(*arguments), *words)


def test_a_server_that_does_not_answer(headrace: Run) -> None:
    """The address is named, and what to do."""
    done = headrace(
        "flow-run", "ls", HEADRACE_API_URL="http://127.0.0.1:1/api", HEADRACE_CLIENT_MAX_RETRIES="0"
    )
    refused(done, "http://127.0.0.1:1/api", "is the server running")


def test_foreign_and_broken_databases_are_refused_untouched(headrace: Run, tmp_path: Path) -> None:
    """A file that is no database, and a port that is taken: one line, nothing changed."""
    junk = tmp_path / "junk.db"
    junk.write_bytes(b"not a database at all" * 100)
    refused(headrace("server", "start", "--port", "0", "--database", str(junk)), "junk.db")
    assert junk.read_bytes() == b"not a database at all" * 100
    assert sorted(p.name for p in tmp_path.iterdir()) == ["junk.db"]
    status = json.loads(ok(headrace("server", "status", "-o", "json")))
    port = status["url"].split(":")[-1].split("/")[0]
    fresh = str(tmp_path / "other.db")
    refused(headrace("server", "start", "--port", port, "--database", fresh), port)


def test_backup_and_restore(headrace: Run, tmp_path: Path, home: Path) -> None:
    """A backup of the running server's database opens elsewhere with what it had."""
    ok(headrace("variable", "set", "kept", "yes"))
    copy = tmp_path / "copy.db"
    ok(headrace("server", "backup", str(copy), "--database", str(home / "headrace.db")))
    target = tmp_path / "restored.db"
    ok(headrace("server", "restore", str(copy), "--database", str(target), "--yes"))
    assert target.stat().st_size > 0
    in_use = headrace(
        "server", "restore", str(copy), "--database", str(home / "headrace.db"), "--yes"
    )
    assert in_use.returncode == 1
    assert "in use" in in_use.stderr


def test_tables_fit_eighty_columns_without_a_terminal_nothing_is_cut(headrace: Run) -> None:
    """In a pipe a table keeps its whole text."""
    name = "a-pool-with-quite-a-long-name-" + "x" * 60
    ok(headrace("work-pool", "create", name, "--type", "process"))
    assert name in ok(headrace("work-pool", "ls", "--verbose"))
