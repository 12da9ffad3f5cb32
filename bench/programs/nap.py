"""A flow that takes a while and nothing else."""

import time

from headrace import flow


@flow(name="nap")
def nap(seconds):
    time.sleep(seconds)
