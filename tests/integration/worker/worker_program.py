"""A worker as a program of its own, with the stand-in engine: what the kill tests start and end."""

import logging
import sys

from headrace.client.http import Client
from headrace.infrastructure.kinds import KindContext, KindSpec
from headrace.settings import settings
from headrace.worker.start import PoolWorker, work_for_pool
from headrace.worker.warm.kind import LedgerProcesses, make_processes


def make(_: KindSpec, context: KindContext) -> LedgerProcesses:
    return make_processes(context, "stand_in_engine:execute_claim")


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    url, name = sys.argv[1:3]
    port = next((int(a.partition("=")[2]) for a in sys.argv if a.startswith("--port=")), None)
    asked = PoolWorker("p", name=name, run_once="--run-once" in sys.argv, health_port=port)
    work_for_pool(asked, settings(), lambda: Client(url), make=make)
