"""The program that the wire contract was taken from, in an environment of its own, to compare with."""

import subprocess
from pathlib import Path
from typing import Final

PEER: Final = "prefect==3.8.8"
# What it depends on was released later in forms that it does not work with.
NEWEST: Final = "2026-10-07"
STEP_SECONDS: Final = 600


def peer_directory() -> Path:
    """Where its environment is kept from one run to the next."""
    return Path("~/.cache/headrace/peer-3.8.8").expanduser()


def install(directory: Path, extras: tuple[str, ...] = ()) -> Path:
    """Its interpreter; the environment is made with `uv` when it is not there yet.

    Args:
        directory: Of the environment. One that exists and was not made here is left alone.
        extras: Requirements to install beside it.

    Raises:
        RuntimeError: The directory is something else, or a step failed; the message has its output.
    """
    python = directory / "bin" / "python"
    if (directory / "ready").exists():
        return python
    if directory.exists() and not (directory / "installing").exists():
        message = f"{directory} exists and was not made here: name another directory"
        raise RuntimeError(message)
    directory.parent.mkdir(parents=True, exist_ok=True)
    _run("uv", "venv", "--quiet", "--clear", str(directory))
    (directory / "installing").touch()
    _run(
        *("uv", "pip", "install", "--quiet", "--python", str(directory)),
        *("--exclude-newer", NEWEST, PEER, *extras),
    )
    (directory / "ready").touch()
    return python


def _run(*command: str) -> None:
    done = subprocess.run(  # noqa: S603 - a command of this module, without a shell
        command, capture_output=True, text=True, timeout=STEP_SECONDS, check=False
    )
    if done.returncode:
        message = f"{' '.join(command)} failed:\n{done.stdout}{done.stderr}"
        raise RuntimeError(message)
