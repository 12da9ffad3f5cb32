"""An interpreter that waits, with the engine imported, for the one run that it is for.

What stands in for a forked child where the system cannot fork safely.
"""

import io
import os
import signal
import sys
from pathlib import Path

from headrace.worker.ledger import Ledger
from headrace.worker.warm import child
from headrace.worker.warm.messages import read_request


def main(ledger: str, execute: str) -> None:
    """Wait for a request on standard input and be its process; end when there comes none."""
    del sys.path[0]  # the directory it was started in holds nothing that it may import
    output: object = sys.stdout
    if isinstance(output, io.TextIOWrapper):
        output.reconfigure(line_buffering=True)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a terminal's Ctrl-C is the worker's to handle
    engine = child.load_engine(execute)
    baseline = frozenset(sys.modules)
    line = sys.stdin.buffer.readline()
    if not line:
        return
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    origin = child.Origin(engine, Ledger(Path(ledger)), os.getppid(), -1, baseline)
    child.run(read_request(line), origin)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
