"""What a forked child does before, around and after the run it was made for."""

import _thread
import atexit
import contextlib
import gc
import importlib
import json
import os
import random
import signal
import sys
import sysconfig
import threading
import time
import types
from collections.abc import Callable
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, NoReturn

from headrace.infrastructure.process.identity import ProcessId
from headrace.infrastructure.process.limits import MEMORY_VARIABLE, limit_this_process
from headrace.worker.ledger import Ledger
from headrace.worker.warm.messages import LEASE_OVER, NEVER_RAN, REPORTED, Fork

# Signals that ask a process to end; the parent holds them back, a child hears them.
HELD_BACK = frozenset({signal.SIGINT, signal.SIGTERM})

Execute = Callable[[bytes], bool]
"""Runs a claim, JSON; true when the API has acknowledged the run's final state."""

# Seconds after which a run is no short one. What it reports may wait as long before it is sent.
_LONG = 0.2

# A line of learned modules must reach the parent whole, bytes (POSIX PIPE_BUF is at least 512).
_PIPE_LINE = 4000


@dataclass(frozen=True, slots=True)
class Origin:
    """What a child gets from its parent.

    Args:
        engine: Runs claims.
        ledger: The worker's ledger, mapped.
        parent: The parent's process number.
        learned: Where newly imported installed modules are written, a pipe; -1 is nowhere.
        baseline: The modules that the parent has.
    """

    engine: "Engine"
    ledger: Ledger
    parent: int
    learned: int
    baseline: frozenset[str]


def run_forked(request: Fork, origin: Origin) -> NoReturn:
    """Be the child for `request`, forked a moment ago; never returns."""
    _set_apart()
    run(request, origin)


def run(request: Fork, origin: Origin) -> NoReturn:
    """Be the process for `request`, in a group of its own already; never returns."""
    code = 1
    try:
        _enter(request)
        if not _is_wanted(request, origin):
            os._exit(NEVER_RAN)
        limit_this_process(request.limits, request.group, request.slot)
        if request.command is not None:
            _become(request)
        code = _run_flow(request, origin)
    except SystemExit as stop:
        code = stop.code if isinstance(stop.code, int) else 1
    except BaseException as error:  # noqa: BLE001  # the edge of the process: it is printed
        _print_error(error)
    finally:
        _tell_learned(origin)
        _leave(code)


def _set_apart() -> None:
    """A group of its own, and signals as a new process has them."""
    os.setsid()
    signal.set_wakeup_fd(-1)
    for number in (signal.SIGTERM, signal.SIGCHLD, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, HELD_BACK)
    gc.enable()


def _enter(request: Fork) -> None:
    """Its own output and directory."""
    output = os.open(request.output, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    os.dup2(output, 1)
    os.dup2(output, 2)
    os.close(output)
    os.chdir(request.working_dir)


def _is_wanted(request: Fork, origin: Origin) -> bool:
    """Write this process down, unless nobody waits for it any more.

    Written before the parent is looked at: whoever finds the parent dead and reads the ledger then
    either sees this process, or knows that it will see that the parent is dead and end.
    """
    if not origin.ledger.is_for(request.slot, request.run_id, request.epoch):
        return False
    origin.ledger.mark_started(request.slot, ProcessId.of(os.getpid()))
    return os.getppid() == origin.parent


def _become(request: Fork) -> NoReturn:
    """Turn into the command, in an interpreter or program of its own."""
    command = request.command or []
    try:
        if request.user is not None:
            _drop_to(request.user)
        environment = {**(request.environment or {}), **request.identity}
        if MEMORY_VARIABLE in os.environ:
            environment[MEMORY_VARIABLE] = os.environ[MEMORY_VARIABLE]
        os.execvpe(command[0], command, environment)  # noqa: S606  # the deployment's own command
    except (OSError, KeyError, IndexError) as error:
        os.write(2, f"the command {' '.join(command)!r} cannot be started: {error}\n".encode())
        os._exit(127)


def _drop_to(user: str) -> None:
    pwd = importlib.import_module("pwd")
    entry = pwd.getpwnam(user)
    os.initgroups(user, entry.pw_gid)
    os.setgid(entry.pw_gid)
    os.setuid(entry.pw_uid)


def _run_flow(request: Fork, origin: Origin) -> int:
    os.environ.update(request.identity)
    _reseed()
    _thread.start_new_thread(_keep_deadline, (origin, request.slot))
    # The program that forked us is no concern of the flow's: a pool of its own that spawns
    # interpreters must not import it there.
    sys.modules["__main__"] = types.ModuleType("__main__")
    sys.argv = ["headrace"]
    sys.path.insert(0, str(Path.cwd()))
    return REPORTED if origin.engine.execute(bytes(request.payload)) else 1


def _reseed() -> None:
    """Two children of one parent must not draw the same numbers."""
    random.seed()
    numpy: Any = sys.modules.get("numpy")
    if numpy is not None and "numpy.random" in sys.modules:
        numpy.random.seed()


def _keep_deadline(origin: Origin, slot: int) -> None:
    """End this process when its lease could have expired: nobody may run it twice.

    The parent watches the same deadline from outside; this is for when it is gone or stopped.
    """
    if origin.engine.when_long is not None:
        time.sleep(_LONG)
        # apart: whatever that waits for must not hold up the deadline
        _thread.start_new_thread(origin.engine.when_long, ())
    while True:
        deadline = origin.ledger.deadline(slot)
        left = deadline - time.monotonic() if deadline else 1.0
        if left > 0:
            time.sleep(left)
            continue
        if os.getppid() == origin.parent:
            os._exit(LEASE_OVER)  # the parent ends the rest of the group
        os.killpg(os.getpgrp(), signal.SIGKILL)


def _tell_learned(origin: Origin) -> None:
    """Name the installed top-level modules that this run imported and the parent had not."""
    # The newest stand last. To compare all names would touch, and so copy, every page they are on.
    added = max(0, len(sys.modules) - len(origin.baseline))
    new = {name.partition(".")[0] for name in islice(reversed(sys.modules), added)}
    modules = [name for name in sorted(new) if name not in origin.baseline and _is_installed(name)]
    line = json.dumps(modules).encode() + b"\n"
    if modules and origin.learned >= 0 and len(line) <= _PIPE_LINE:
        with contextlib.suppress(OSError):
            os.write(origin.learned, line)


@dataclass(frozen=True, slots=True)
class Engine:
    """What runs claims.

    Args:
        execute: Runs one.
        when_long: Called in a thread of a run that is no short one.
        rehearse: Called in a parent, once, before it forks.
    """

    execute: Execute
    when_long: Callable[[], None] | None
    rehearse: Callable[[], None] | None


def load_engine(path: str) -> Engine:
    """What runs claims, `module:function`, and what else its module has for that."""
    name, _, function = path.partition(":")
    module = importlib.import_module(name)
    more = (getattr(module, each, None) for each in ("when_long", "rehearse"))
    return Engine(getattr(module, function), *more)


def _is_installed(name: str) -> bool:
    """Whether a module comes from a distribution, never from a user's own (or editable) files."""
    spec = getattr(sys.modules.get(name), "__spec__", None)
    origin = getattr(spec, "origin", None)
    return isinstance(origin, str) and origin.startswith(site_directories())


def site_directories() -> tuple[str, ...]:
    """Where this interpreter's distributions are installed."""
    paths = sysconfig.get_paths()
    return tuple({paths["purelib"] + os.sep, paths["platlib"] + os.sep})


def _print_error(error: BaseException) -> None:
    sys.excepthook(type(error), error, error.__traceback__)


def _leave(code: int) -> NoReturn:
    """End as an interpreter does for its user, without taking itself apart first."""
    try:
        threading._shutdown()  # pyright: ignore[reportAttributeAccessIssue, reportUnknownMemberType]  # noqa: SLF001  # what waits for the flow's threads has no public name
        atexit._run_exitfuncs()  # pyright: ignore[reportPrivateUsage]  # noqa: SLF001  # as above
    except BaseException as error:  # noqa: BLE001  # an exit function of the flow's may raise anything
        _print_error(error)
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(Exception):
            stream.flush()
    os._exit(code)
