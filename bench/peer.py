"""The peer in an environment of its own, at the version the wire contract was taken from."""

import subprocess
import sys
from pathlib import Path

PEER = "prefect==3.8.8"
NEWEST = "2026-10-07"  # what it depends on was released later in forms it does not work with
EXTRAS = ("asyncpg", "pandas")
STEP_SECONDS = 600


def install(directory: Path) -> Path:
    """Its interpreter; the environment is made when it is not there yet."""
    python = directory / "bin" / "python"
    if not (directory / "ready").exists():
        if directory.exists() and not (directory / "installing").exists():
            sys.exit(f"{directory} exists and was not made here: name another with --peer")
        directory.mkdir(parents=True, exist_ok=True)
        run("uv", "venv", "--quiet", "--clear", str(directory))
        (directory / "installing").touch()
        run(
            *("uv", "pip", "install", "--quiet", "--python", str(directory)),
            *("--exclude-newer", NEWEST, PEER, *EXTRAS),
        )
        (directory / "ready").touch()
    return python


def run(*command: str) -> None:
    """Run a command; its output is shown when it fails."""
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=STEP_SECONDS, check=False
    )
    if done.returncode:
        sys.exit(f"{' '.join(command)} failed:\n{done.stdout}{done.stderr}")
