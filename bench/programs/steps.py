"""A flow of three steps that needs nothing but the standard library.

Usage: steps.py PACKAGE serves it until it is stopped. As a module it is deployed to a pool.
"""

import importlib
import os
import sys

product = importlib.import_module(sys.argv[1] if len(sys.argv) > 1 else os.environ["BENCH_PACKAGE"])


@product.task
def read():
    return list(range(100))


@product.task
def add(numbers):
    return sum(numbers)


@product.task
def write(total):
    return f"total {total}"


@product.flow(name="steps")
def steps():
    return write(add(read()))


if __name__ == "__main__":
    steps.serve(name="served", limit=200)
