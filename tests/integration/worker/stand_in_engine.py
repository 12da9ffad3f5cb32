"""What warm parents run in tests of everything around the engine: the claim says what to do."""

import json
import os
import subprocess
import sys
import time
import urllib.request


def execute_claim(claim: bytes) -> bool:
    """Do what the claim's `do` says; true when it is 'finish'."""
    told = json.loads(claim) or {}
    for step in told.get("do", ["finish"]):
        word, _, rest = step.partition(" ")
        if word == "finish":
            propose(told, "COMPLETED")
            return True
        if word == "propose":
            propose(told, rest)
        else:
            STEPS[word](rest)
    return False


def propose(told: dict, state: str) -> None:
    """Set the run's state as the engine does."""
    if "url" not in told:
        return
    request = urllib.request.Request(
        f"{told['url']}/flow_runs/{told['flow_run']['id']}/set_state",
        json.dumps({"state": {"type": state}}).encode(),
        {"x-headrace-epoch": str(told["epoch"])},
    )
    urllib.request.urlopen(request, timeout=10).read()


def _print(text: str) -> None:
    print(text)


def _sleep(seconds: str) -> None:
    time.sleep(float(seconds))


def _until(path: str) -> None:
    while not os.path.exists(path):
        time.sleep(0.01)


def _exit(code: str) -> None:
    os._exit(int(code))


def _raise(text: str) -> None:
    raise RuntimeError(text)


def _write(path: str) -> None:
    with open(path, "w") as file:
        file.write(str(os.getpid()))


def _leave_child(path: str) -> None:
    code = (
        f"open({path!r}, 'w').write(str(__import__('os').getpid())); __import__('time').sleep(60)"
    )
    child = subprocess.Popen([sys.executable, "-c", code])
    while not (os.path.exists(path) and open(path).read()):
        time.sleep(0.005)
    assert child.pid


def _draw(path: str) -> None:
    import random

    with open(path, "a") as file:
        file.write(f"{random.random()}\n")


def _facts(path: str) -> None:
    sockets = [
        name
        for name in os.listdir("/proc/self/fd")
        if _link(name).startswith("socket:") or "pidfd" in _link(name)
    ]
    facts = {
        "pid": os.getpid(),
        "group": os.getpgrp(),
        "session": os.getsid(0),
        "cwd": os.getcwd(),
        "stdin": os.readlink("/proc/self/fd/0"),
        "sockets": sockets,
        "environment": dict(os.environ),
        "main": hasattr(sys.modules["__main__"], "Parent"),
        "modules": sorted(sys.modules),
        "path": sys.path,
    }
    with open(path + ".new", "w") as file:
        json.dump(facts, file)
    os.rename(path + ".new", path)


def _link(name: str) -> str:
    try:
        return os.readlink(f"/proc/self/fd/{name}")
    except OSError:
        return ""


def _load(name: str) -> None:
    __import__(name)


STEPS = {
    "print": _print,
    "sleep": _sleep,
    "until": _until,
    "exit": _exit,
    "raise": _raise,
    "write": _write,
    "leave-child": _leave_child,
    "draw": _draw,
    "facts": _facts,
    "import": _load,
}
