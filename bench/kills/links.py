"""The network between worker, server, engine and jobs, so that a part of it can be cut off.

Where the machine allows it, the worker (and with it what it starts) lives in a network namespace of its
own, and each link is a cable that is pulled: packets vanish, nobody is told. Elsewhere a link is a gate
(`gate.py`) that is stopped: what was sent stays unanswered.
"""

import contextlib
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

from bench.sides import free_port, start_program, stop

_MOST = 120  # networks of this kind on one machine at once: the third part of their addresses
_GATE = Path(__file__).with_name("gate.py")


class Links(Protocol):
    """What lies between the parts."""

    is_cable: bool
    server_host: str
    engine_host: str
    jobs_host: str

    def inside(self, place: str) -> list[str]:
        """What a command begins with that is to run in the `worker`'s or the `jobs`' network."""
        ...

    def to_server(self, port: int) -> str:
        """The server's host and port as the worker finds them."""
        ...

    def note_gate(self, name: str, gate: subprocess.Popen[bytes]) -> None:
        """A gate is on that link, for whoever has no better way to cut it."""
        ...

    def cut(self, *names: str) -> None:
        """Cut links: `server` and `engine` from the worker, `jobs` from the server."""
        ...

    def mend(self, *names: str) -> None:
        """Make them whole again."""
        ...

    def close(self) -> None:
        """Take it all away."""
        ...


class Cables:
    """Namespaces and pairs of virtual interfaces.

    Raises:
        OSError: This machine does not allow them.
    """

    is_cable = True

    def __init__(self) -> None:
        self._undo = contextlib.ExitStack()
        self.number = self._take_number()
        net = f"10.213.{self.number}"
        self.server_host, self.engine_host = f"{net}.1", f"{net}.2"
        self.jobs_host = f"{net}.23"  # where what runs beside the jobs is found
        self.bridge, self.bridge_address = f"hrk{self.number}c", f"{net}.33/27"  # containers
        try:
            self._build(net)
        except OSError:
            self.close()
            raise

    def _take_number(self) -> int:
        for number in range(1, _MOST):
            name = f"hrk{number}w"
            made = subprocess.run(["ip", "netns", "add", name], capture_output=True, check=False)
            if made.returncode == 0:
                self._undo.callback(_ip, "netns", "del", name)
                return number
        message = "no network namespace can be made"
        raise OSError(message)

    def _build(self, net: str) -> None:
        me = f"hrk{self.number}"
        for host in (self.server_host, self.engine_host):
            # On the loopback interface: they stay when a cable is pulled.
            _ip("addr", "add", f"{host}/32", "dev", "lo")
            self._undo.callback(_ip, "addr", "del", f"{host}/32", "dev", "lo")
        _ip("netns", "add", f"{me}j")
        self._undo.callback(_ip, "netns", "del", f"{me}j")
        for space in ("w", "j"):
            _ip("-n", f"{me}{space}", "link", "set", "lo", "up")
        self._pair("server", "w", f"{net}.16", f"{net}.17", self.server_host)
        self._pair("engine", "w", f"{net}.18", f"{net}.19", self.engine_host)
        self._pair("jobs", "j", f"{net}.20", f"{net}.21", self.server_host)
        self._pair("beside", "j", f"{net}.22", self.jobs_host, None)
        _ip("link", "add", self.bridge, "type", "bridge")
        self._undo.callback(_ip, "link", "del", self.bridge)
        _ip("addr", "add", self.bridge_address, "dev", self.bridge)
        _ip("link", "set", self.bridge, "up")

    def _pair(self, name: str, space: str, here: str, there: str, target: str | None) -> None:
        near, far, inside = self._near(name), f"{self._near(name)}x", f"hrk{self.number}{space}"
        _ip("link", "add", near, "type", "veth", "peer", "name", far)
        _ip("link", "set", far, "netns", inside)
        _ip("addr", "add", f"{here}/31", "dev", near)
        _ip("link", "set", near, "up")
        _ip("-n", inside, "addr", "add", f"{there}/31", "dev", far)
        _ip("-n", inside, "link", "set", far, "up")
        if target:
            _ip("-n", inside, "route", "add", target, "via", here)

    def _near(self, name: str) -> str:
        return f"hrk{self.number}{name[0]}"

    def inside(self, place: str) -> list[str]:
        return ["ip", "netns", "exec", f"hrk{self.number}{place[0]}"]

    def to_server(self, port: int) -> str:
        return f"{self.server_host}:{port}"

    def note_gate(self, name: str, gate: subprocess.Popen[bytes]) -> None:
        """The cable is what is cut."""

    def cut(self, *names: str) -> None:
        for device in self._devices(names):
            _ip("link", "set", device, "down")

    def mend(self, *names: str) -> None:
        for device in self._devices(names):
            _ip("link", "set", device, "up")

    def _devices(self, names: tuple[str, ...]) -> Iterator[str]:
        for name in names:
            yield self._near(name)
            if name == "jobs":
                yield self.bridge  # those in containers

    def close(self) -> None:
        self._undo.close()


class Loopback:
    """Everything on one machine, with nothing between that could be cut."""

    is_cable = False
    server_host = engine_host = jobs_host = "127.0.0.1"

    def inside(self, place: str) -> list[str]:  # noqa: ARG002  # there is one network
        return []

    def to_server(self, port: int) -> str:
        return f"127.0.0.1:{port}"

    def note_gate(self, name: str, gate: subprocess.Popen[bytes]) -> None:
        """Nobody cuts it off."""

    def cut(self, *names: str) -> None:
        message = f"there is no link to cut: {names}"
        raise NotImplementedError(message)

    def mend(self, *names: str) -> None:
        self.cut(*names)

    def close(self) -> None:
        """There is nothing."""


class Gates(Loopback):
    """A gate stands before the server, and one before the engine where there is one: cut off is who stops.

    Args:
        directory: Where their outputs go.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._gates: dict[str, subprocess.Popen[bytes]] = {}

    def note_gate(self, name: str, gate: subprocess.Popen[bytes]) -> None:
        self._gates[name] = gate

    def to_server(self, port: int) -> str:
        own = f"127.0.0.1:{free_port()}"
        self._gates["server"] = start_gate(own, f"127.0.0.1:{port}", self._directory / "server")
        return own

    def cut(self, *names: str) -> None:
        self._signal(names, signal.SIGSTOP)

    def mend(self, *names: str) -> None:
        self._signal(names, signal.SIGCONT)

    def _signal(self, names: tuple[str, ...], number: int) -> None:
        for name in names:
            if name in self._gates:
                with contextlib.suppress(ProcessLookupError):  # its engine was closed before
                    os.kill(self._gates[name].pid, number)

    def close(self) -> None:
        self.mend(*self._gates)
        for gate in self._gates.values():
            stop(gate)


def start_gate(listen: str, target: str, log: Path) -> subprocess.Popen[bytes]:
    """A gate as a program of its own."""
    command = [sys.executable, str(_GATE), listen, target]
    return start_program(command, dict(os.environ), log.with_suffix(".gate.log"))


class Gate:
    """What stands for an engine that is not ours to kill: who is behind it outlives it.

    Args:
        links: The network.
        target: Who is behind it.
        directory: Where its output goes.
    """

    def __init__(self, links: Links, target: str, directory: Path) -> None:
        self._links, self._target, self._directory = links, target, directory
        self.address = f"{links.engine_host}:{free_port()}"
        self._open()

    def _open(self) -> None:
        self._process = start_gate(self.address, self._target, self._directory / "engine")
        self._links.note_gate("engine", self._process)

    @property
    def pid(self) -> int:
        return self._process.pid

    def revive(self) -> None:
        if self._process.poll() is not None:
            self._open()

    def close(self) -> None:
        stop(self._process)


def lay_links(directory: Path) -> Links:
    """Cables where they can be had, else gates."""
    if os.geteuid() == 0 and shutil.which("ip"):
        with contextlib.suppress(OSError):
            return Cables()
    return Gates(directory)


def _ip(*arguments: str) -> None:
    done = subprocess.run(["ip", *arguments], capture_output=True, text=True, check=False)
    if done.returncode:
        raise OSError(f"ip {' '.join(arguments)}: {done.stderr.strip()}")
