"""A real Docker engine for tests: one `dockerd`, shared by all test processes of a run.

Its images stay in the project's folder, so that only the first run makes them. Where `dockerd` is not
installed, the engine that `DOCKER_HOST` names is taken; without either, tests are skipped, or fail
where `HEADRACE_TESTS_NEED_DOCKER` is set, as it is in CI.
"""

import contextlib
import fcntl
import hashlib
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from docker import APIClient
from docker.errors import DockerException

PROJECT = Path(__file__).parents[1]
STATE = PROJECT / ".docker-engine"
READY_SECONDS = 60.0
NEEDED = "HEADRACE_TESTS_NEED_DOCKER"
HELD = (
    75  # the exit code of `flock` where another process has the lock; any that `kill` does not use
)

# Stops the daemon once no process holds `users`: where those were killed, none of them does. It has
# `lock` meanwhile, as the next run may begin at that moment.
GUARD = f"""
while flock users true && [ -e pid ]; do
    exec 9>lock && flock 9
    flock --nonblock --conflict-exit-code {HELD} users sh -c '[ -e pid ] && kill "$(cat pid)"'
    if [ $? -ne {HELD} ]; then
        for _ in $(seq 600); do [ -e pid ] || break; sleep 0.1; done
        exit
    fi
    exec 9>&-
done
"""
DEBIAN_DAEMON = "/usr/sbin/dockerd"  # where it is even if that is not on the path


class DockerEngine:
    """A running engine."""

    def __init__(self, url: str) -> None:
        self.url = url

    @property
    def environment(self) -> dict[str, str]:
        """What programs need to find it."""
        return {"DOCKER_HOST": self.url}

    def client(self, timeout: int = 60) -> Any:
        """A client of it, to look behind the back of what is tested."""
        return APIClient(base_url=self.url, version="auto", timeout=timeout)


class Daemon(DockerEngine):
    """An engine of our own, in a folder of its own.

    Args:
        state: Where its images and containers are.
        options: More of its options.
    """

    def __init__(self, state: Path, options: Sequence[str] = ()) -> None:
        self._options = options
        # Sockets need short paths, and the same one in every process of a test run.
        name = hashlib.sha256(str(state).encode()).hexdigest()[:12]
        self.state = state
        self.run = Path(tempfile.gettempdir()) / f"headrace-dockerd-{name}"
        self.run.mkdir(mode=0o700, parents=True, exist_ok=True)
        state.mkdir(parents=True, exist_ok=True)
        super().__init__(f"unix://{self.run / 'docker.sock'}")

    def answers(self) -> bool:
        with socket.socket(
            socket.AF_UNIX
        ) as probe:  # the SDK leaves a socket open that nobody hears
            try:
                probe.connect(self.url.removeprefix("unix://"))
            except OSError:
                return False
        try:
            with contextlib.closing(self.client(timeout=5)) as client:
                return client.ping()
        except (DockerException, OSError):
            return False

    def start(self) -> None:
        """Start it where it does not run."""
        if self.answers():
            return
        program = shutil.which("dockerd") or DEBIAN_DAEMON
        if self.pid is None:  # where nobody reaps the dead, an engine takes a killed one for alive
            (self.run / "pid").unlink(missing_ok=True)
        with (self.run / "log").open("ab") as log:
            # nobody's child: whoever starts it may be gone before it is
            subprocess.run(
                [
                    *(
                        "setsid",
                        "--fork",
                        program,
                        "--host",
                        self.url,
                        "--data-root",
                        str(self.state / "root"),
                    ),
                    *("--exec-root", str(self.run / "exec")),
                    *("--pidfile", str(self.run / "pid")),
                    *self._options,
                ],
                stdout=log,
                stderr=log,
                stdin=subprocess.DEVNULL,
                check=True,
            )
        end = time.monotonic() + READY_SECONDS
        while not self.answers():
            assert time.monotonic() < end, (self.run / "log").read_text()[-4000:]
            time.sleep(0.1)

    @property
    def pid(self) -> int | None:
        """Its process, if it lives."""
        try:
            pid = int((self.run / "pid").read_text())
        except (OSError, ValueError):
            return None
        return pid if Path(f"/proc/{pid}").exists() and not _is_zombie(pid) else None

    def kill(self, number: int = signal.SIGTERM) -> None:
        """Stop it; its containers end with it, unless it is killed."""
        pid = self.pid
        if pid is None:
            return
        os.kill(pid, number)
        end = time.monotonic() + READY_SECONDS
        while Path(f"/proc/{pid}").exists() and not _is_zombie(pid):
            assert time.monotonic() < end, "the engine does not stop"
            time.sleep(0.05)


def _is_zombie(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return True


@contextlib.contextmanager
def locked(path: Path) -> Iterator[None]:
    """One process at a time."""
    with path.open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def guard(daemon: Daemon) -> None:
    """Have the daemon stopped also where nobody is left to do so: a run of tests may be killed."""
    quiet = subprocess.DEVNULL
    command = ["setsid", "--fork", "sh", "-c", GUARD]
    subprocess.run(command, cwd=daemon.run, stdin=quiet, stdout=quiet, stderr=quiet, check=True)


@contextlib.contextmanager
def shared_daemon(state: Path = STATE) -> Iterator[Daemon]:
    """The daemon of this project's tests: the first process starts it, the last one stops it."""
    daemon = Daemon(state)
    with (daemon.run / "users").open("a") as users:
        with locked(daemon.run / "lock"):
            fcntl.flock(users, fcntl.LOCK_SH)
            if not daemon.answers():
                daemon.start()
                guard(daemon)
        try:
            yield daemon
        finally:
            with locked(daemon.run / "lock"):
                fcntl.flock(users, fcntl.LOCK_UN)
                with contextlib.suppress(BlockingIOError):
                    fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    daemon.kill()


def has_daemon() -> bool:
    """Whether a daemon can be started here."""
    is_there = shutil.which("dockerd") is not None or Path(DEBIAN_DAEMON).exists()
    return is_there and os.geteuid() == 0


@pytest.fixture(scope="session")
def docker_engine() -> Iterator[DockerEngine]:
    """A real engine."""
    if has_daemon():
        with shared_daemon() as daemon:
            yield daemon
        return
    host = os.environ.get("DOCKER_HOST")
    if not host:
        message = "no Docker engine: install dockerd (docker.io on Debian) and be root, or set DOCKER_HOST"
        (pytest.fail if os.environ.get(NEEDED) else pytest.skip)(message)
    yield DockerEngine(host)
