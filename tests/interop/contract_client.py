"""The contract's own programs: scripts of ours that use its client, its command, its workers."""

import contextlib
import json
import os
import signal
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

PROGRAMS = Path(__file__).parent / "programs"
RUN_SECONDS = 150
STOP_SECONDS = 60


@dataclass(frozen=True)
class Done:
    """What a program that ended left behind."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


class ContractClient:
    """Starts programs in the client's environment; those that still run at the end are ended.

    Args:
        python: The interpreter that has the client.
        url: The server's address.
        home: The client's home; made here. Programs run in `home / "work"`.
    """

    def __init__(self, python: Path, url: str, home: Path) -> None:
        self.python = python
        self.work = home / "work"
        self.work.mkdir(parents=True)
        self._home = home
        self._scratch = home / "tmp"
        self._scratch.mkdir(parents=True, exist_ok=True)
        self._url = url
        self._started: list[subprocess.Popen[bytes]] = []
        self._reports = 0

    def environment(self, settings: Mapping[str, str] | None = None) -> dict[str, str]:
        """What a program is started with: nothing of the tests' own settings."""
        dropped = ("PREFECT_", "HEADRACE_", "PYTHON", "PYTEST_", "VIRTUAL_ENV", "COV_")
        kept = {k: v for k, v in os.environ.items() if not k.startswith(dropped)}
        return (
            kept
            | {
                "HOME": str(self._home),
                "TMPDIR": str(
                    self._scratch
                ),  # the client keeps things there under names of its own
                "PREFECT_HOME": str(self._home / "settings"),
                "PREFECT_API_URL": self._url,
                "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
                "DO_NOT_TRACK": "1",
                "PYTHONUNBUFFERED": "1",
                "PATH": f"{self.python.parent}{os.pathsep}{os.environ['PATH']}",
                "COLUMNS": "300",
                "NO_COLOR": "1",
            }
            | dict(settings or {})
        )

    def run(self, *command: str, ok: bool = True, given: str = "", **settings: str) -> Done:
        """Run a command to its end, `given` on its standard input; it must succeed, or not, as `ok` says."""
        done = subprocess.run(
            command,
            env=self.environment(settings),
            cwd=self.work,
            input=given.encode(),
            capture_output=True,
            timeout=RUN_SECONDS,
            check=False,
        )
        result = Done(done.returncode, done.stdout.decode(), done.stderr.decode())
        assert (result.code == 0) is ok, f"{command}: {result.code}\n{result.out}\n{result.err}"
        return result

    def cli(self, *arguments: str, ok: bool = True, **settings: str) -> Done:
        """Run the contract's own command."""
        return self.run(str(self.python.parent / "prefect"), *arguments, ok=ok, **settings)

    def program(self, name: str, *arguments: str, **settings: str) -> Any:
        """Run one of `programs/` to its end; the report that it wrote."""
        self._reports += 1
        report = self._home / f"report-{self._reports}.json"
        script = str(PROGRAMS / f"{name}.py")
        done = self.run(str(self.python), script, *arguments, REPORT=str(report), **settings)
        assert report.exists(), f"{name} wrote no report\n{done.out}\n{done.err}"
        return json.loads(report.read_text())

    @contextlib.contextmanager
    def running(self, *command: str, **settings: str) -> Iterator["Running"]:
        """A command that runs until the block ends; then it gets a SIGINT."""
        log = self._home / f"running-{len(self._started)}.log"
        with log.open("wb") as out:
            process = subprocess.Popen(
                command,
                env=self.environment(settings),
                cwd=self.work,
                stdout=out,
                stderr=out,
                stdin=subprocess.DEVNULL,
                start_new_session=True,
            )
        self._started.append(process)
        try:
            yield Running(process, log)
        finally:
            _end(process)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        for process in self._started:
            _end(process)


class CommandLine:
    """The contract's command, imported once; each command runs in a process of its own.

    Args:
        client: How it runs.
        cwd: Where; the client's own directory if not given.
        program: `prefect`, or `headrace` for our own command beside it.
        settings: For all of its commands.
    """

    def __init__(
        self,
        client: ContractClient,
        cwd: Path | None = None,
        program: str = "prefect",
        **settings: str,
    ) -> None:
        self._log = client.work / f"{program}-command-line.log"
        with self._log.open("wb") as errors:
            self._process = subprocess.Popen(
                [str(client.python), str(PROGRAMS / "commands.py"), program],
                env=client.environment(settings | {"PREFECT_CLI_PROMPT": "false"}),
                cwd=cwd or client.work,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
            )

    def __call__(self, *arguments: str, ok: bool = True) -> str:
        """What a command printed; it must succeed, or not, as `ok` says."""
        code, out, err = self._ask(arguments)
        assert (code == 0) is ok, f"{arguments}: {code}\n{out}\n{err}"
        assert "Traceback" not in err, f"{arguments}: {code}\n{out}\n{err}"
        return out if ok else out + err

    def run(self, *arguments: str) -> Done:
        """Run a command; it may fail."""
        return Done(*self._ask(arguments))

    def run_in(self, cwd: Path, environment: Mapping[str, str], *arguments: str) -> Done:
        """Run a command in a directory, with variables of its own; it may fail."""
        asked = {"arguments": arguments, "cwd": str(cwd), "environment": dict(environment)}
        code, out, err = self._ask(asked)
        return Done(code, out, err)

    def _ask(self, asked: object) -> Any:
        process = self._process
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(json.dumps(asked) + "\n")
        process.stdin.flush()
        answer = process.stdout.readline()
        assert answer, self._log.read_text()
        return json.loads(answer)

    def json(self, *arguments: str) -> Any:
        """What a command printed as JSON."""
        return json.loads(self(*arguments, "--output", "json"))

    def close(self) -> None:
        for stream in (self._process.stdin, self._process.stdout):
            if stream is not None:
                stream.close()
        self._process.wait(STOP_SECONDS)


@dataclass(frozen=True)
class Running:
    """A program that runs, and what it printed so far."""

    process: subprocess.Popen[bytes]
    log: Path

    @property
    def output(self) -> str:
        return self.log.read_text(errors="replace")


def _end(process: subprocess.Popen[bytes]) -> None:
    """End a program and all that it started."""
    with contextlib.suppress(ProcessLookupError):
        process.send_signal(signal.SIGINT)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(STOP_SECONDS)
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
