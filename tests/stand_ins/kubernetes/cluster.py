"""A stand-in cluster as a program of its own, for tests."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import pytest

ROOT = Path(__file__).parents[3]
TOKEN = "let-me-in"
IMAGE = "headrace:test"


class StandInCluster:
    """Starts the program; `kubeconfig` reaches it.

    Args:
        images: Where the programs of each image are.
        port: Where it listens; 0 takes a free one.
        host: On which address.
        inside: What its command begins with: what enters a network of its own, say.
    """

    def __init__(
        self,
        images: Mapping[str, str] | None = None,
        port: int = 0,
        host: str = "127.0.0.1",
        inside: Sequence[str] = (),
    ) -> None:
        self._images = {IMAGE: str(Path(sys.executable).parent), **(images or {})}
        self.port, self.host = port, host
        self._inside = list(inside)
        self._program: subprocess.Popen[bytes] | None = None
        self.start()

    def start(self) -> None:
        """Start it, empty, where it was before."""
        given = {
            "images": self._images,
            "token": TOKEN,
            "namespaces": ["jobs"],
            "host": self.host,
            "port": self.port,
        }
        self._program = subprocess.Popen(
            [*self._inside, sys.executable, "-m", "tests.stand_ins.kubernetes", json.dumps(given)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
        )
        assert self._program.stdout is not None
        self.port = int(self._program.stdout.readline())

    def close(self) -> None:
        if self._program is None:
            return
        assert self._program.stdin is not None
        assert self._program.stdout is not None
        self._program.stdin.close()
        try:
            self._program.wait(10)
        except subprocess.TimeoutExpired:
            self._program.kill()
            self._program.wait()
        self._program.stdout.close()
        self._program = None

    @property
    def kubeconfig(self) -> dict[str, Any]:
        url = f"http://{self.host}:{self.port}"
        return {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "here",
            "contexts": [{"name": "here", "context": {"cluster": "c", "user": "u"}}],
            "clusters": [{"name": "c", "cluster": {"server": url}}],
            "users": [{"name": "u", "user": {"token": TOKEN}}],
        }

    def write_kubeconfig(self, path: Path, config: Mapping[str, Any] | None = None) -> Path:
        path.write_text(json.dumps(config or self.kubeconfig))
        return path

    def control(self, what: str, body: object = None) -> Any:
        data = json.dumps(body).encode()
        request = Request(f"http://{self.host}:{self.port}/_control/{what}", data, method="POST")
        with urlopen(request, timeout=30) as answer:
            return json.loads(answer.read())

    def all(self, resource: str) -> list[dict[str, Any]]:
        return self.control(f"all/{resource}")

    def fail(
        self,
        status: int,
        *,
        times: int = 1,
        method: str = ".*",
        path: str = "",
        when: str = "before",
        message: str = "injected",
    ) -> None:
        """Have the next requests that fit fail: 0 is no answer; `after` does what was asked first."""
        fault = {"status": status, "times": times, "method": method, "path": path}
        self.control("faults", [{**fault, "when": when, "message": message}])

    def heal(self) -> None:
        self.control("faults", [])

    def requests(self) -> list[dict[str, Any]]:
        """The requests since this was asked last."""
        return self.control("requests")


@pytest.fixture(scope="session")
def stand_in_cluster() -> Iterator[StandInCluster]:
    """One cluster for all tests of this process: it takes a second to start."""
    made = StandInCluster()
    yield made
    made.close()
