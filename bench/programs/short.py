"""A flow of three tasks that tells when its code began, and in which process."""

import os
import time

from headrace import flow, get_run_logger, task


@task
def add(number):
    return number + 1


@flow(name="short")
def short():
    get_run_logger().info("began %.6f in %d", time.time(), os.getpid())
    return add(add(add(0)))
