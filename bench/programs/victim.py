"""A flow that leaves a trace of everything it does, for whoever kills it.

Each line of the trace file is appended and synced by itself: what happened, the process, when, the run
and its attempt.
"""

import os
import time

from headrace import flow, pause_flow_run, task

DIRECTORY = os.environ["KILLS_DIRECTORY"]
STEP_SECONDS = 0.03  # long enough for a signal to fall into each step
WHO = f"{os.environ['HEADRACE__FLOW_RUN_ID']} {os.environ['HEADRACE__FLOW_RUN_EPOCH']}"


def trace(what, run="import"):
    line = f"{what} {os.getpid()} {time.time():.6f} {WHO}\n".encode()
    file = os.open(f"{DIRECTORY}/{run}", os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    try:
        os.write(file, line)
        os.fsync(file)
    finally:
        os.close(file)


trace("import")
time.sleep(STEP_SECONDS)


@task
def step(number, key):
    trace(f"begin-{number}", key)
    time.sleep(STEP_SECONDS)
    trace(f"end-{number}", key)
    return number


@flow(name="victim")
def victim(key, pauses, linger=0.0):
    trace("running", key)
    time.sleep(STEP_SECONDS)
    total = step(1, key)
    time.sleep(STEP_SECONDS)
    if pauses:
        pause_flow_run(timeout=300, poll_interval=1)
        trace("resumed", key)
    total += step(2, key)
    time.sleep(STEP_SECONDS + linger)
    total += step(3, key)
    return total
