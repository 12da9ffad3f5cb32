"""Time calls of flows and tasks in one process; run by either side's interpreter.

Usage: calls.py PACKAGE COUNT. Prints one JSON object, times in milliseconds.
"""

import importlib
import json
import logging
import statistics
import sys
import time

product = importlib.import_module(sys.argv[1])
count = int(sys.argv[2])
logging.disable(logging.INFO)

SEQUENTIAL, MAPPED = 200, 500


@product.flow
def empty():
    return 1


@product.task
def step(x=1):
    return x


@product.flow
def sequential(n):
    return sum(step() for _ in range(n))


@product.flow
def mapped(n):
    return sum(f.result() for f in step.map([1] * n))


def milliseconds(call, *arguments):
    begin = time.perf_counter()
    answer = call(*arguments)
    assert answer == (arguments[0] if arguments else 1), answer
    return (time.perf_counter() - begin) * 1000


empty()
sequential(1)
mapped(1)
result = {
    "empty_flow": [milliseconds(empty) for _ in range(count)],
    # The flow around the tasks costs what an empty one does; that is taken off.
    "sequential_task": [],
    "mapped_task": [],
}
floor = statistics.median(result["empty_flow"])
for _ in range(count):
    result["sequential_task"].append((milliseconds(sequential, SEQUENTIAL) - floor) / SEQUENTIAL)
    result["mapped_task"].append((milliseconds(mapped, MAPPED) - floor) / MAPPED)
print(json.dumps(result))
