"""The peer in an environment of its own, at the version the wire contract was taken from.

It is what benchmarks, interoperability tests and the differential tester compare with.
"""

import fcntl
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

PEER = "prefect==3.8.8"
# With 2.1 its server fails whenever it is to plan a schedule's runs; its client has no use for it.
SERVER_LIBRARIES = ("sqlalchemy<2.1",)
NEWEST = "2026-10-07"  # what it depends on was released later in forms it does not work with
STEP_SECONDS = 600


class PeerNotInstalled(Exception):
    """The environment could not be made; the message says what failed."""


def install(
    directory: Path, extras: Sequence[str] = (), state: str = "", *, serves: bool = True
) -> Path:
    """Its interpreter; the environment is made when it is not there yet.

    Several processes may ask for the same directory at once: one makes it, the others wait.

    Args:
        directory: Of the environment. One that exists and was not made here is left alone.
        extras: Requirements to install beside it, as arguments of `uv pip install`.
        state: What the extras depend on; when it has changed the environment is made anew.
        serves: Whether its server is to run there; our own, which may be beside it, needs libraries that
            its server does not work with.

    Raises:
        PeerNotInstalled: The directory is something else, or a step failed.
    """
    wanted = (PEER, *(SERVER_LIBRARIES if serves else ()), *extras)
    key = "\n".join((*wanted, NEWEST, state))
    if not _is_ready(directory, key):
        directory.parent.mkdir(parents=True, exist_ok=True)
        with directory.with_name(f"{directory.name}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not _is_ready(directory, key):
                _make(directory, wanted)
                (directory / "ready").write_text(key)
    return directory / "bin" / "python"


def _is_ready(directory: Path, key: str) -> bool:
    ready = directory / "ready"
    return ready.exists() and ready.read_text() == key


def _make(directory: Path, wanted: Sequence[str]) -> None:
    if directory.exists() and not (directory / "installing").exists():
        raise PeerNotInstalled(f"{directory} exists and was not made here: choose another")
    directory.mkdir(exist_ok=True)
    _run(directory, "uv", "venv", "--quiet", "--clear", "--python", sys.executable, str(directory))
    (directory / "installing").touch()
    # This project's pins are not the peer's.
    options = ("--quiet", "--no-config", "--python", str(directory), "--exclude-newer", NEWEST)
    _run(directory, "uv", "pip", "install", *options, *wanted)


def _run(place: Path, *command: str) -> None:
    done = subprocess.run(  # noqa: S603 - a command of this module, without a shell
        command, cwd=place, capture_output=True, text=True, timeout=STEP_SECONDS, check=False
    )
    if done.returncode:
        raise PeerNotInstalled(f"{' '.join(command)} failed:\n{done.stdout}{done.stderr}")
