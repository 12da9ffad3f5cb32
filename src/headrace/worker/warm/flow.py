"""What a warm child runs: the engine, on a claim as it came.

Only the parent's program loads this. Everything that a run of a plain flow imports or builds for the
first time is imported and built here, once, instead of in each child: it is most of what a child
would otherwise spend its time on.
"""

import contextlib
import encodings.idna
import importlib

import msgspec

from headrace._bindings import HEAVY
from headrace.client.answers import decode
from headrace.client.connection import Answer
from headrace.client.default import default_client
from headrace.engine.execute import REPORTED, execute_flow_run
from headrace.engine.log_handlers import configure_logging, unconfigure_logging
from headrace.engine.recorder import hold_back, let_go
from headrace.errors import HeadraceError
from headrace.settings import keep_or_forget, read_ahead, settings
from headrace.wire.claims import ClaimedRun
from headrace.wire.flow_runs import SetFlowRunStateBody
from headrace.wire.orchestration import OrchestrationResult
from headrace.wire.states import StateCreate, StateType
from headrace.worker.warm import rehearsal

# Modules that the engine loads late for the sake of `import headrace`.
LATE = (
    "headrace.cache_policies",
    "headrace.engine.async_driver",
    "headrace.engine.caching",
    "headrace.engine.flow_calls",
    "headrace.engine.log_handlers",
    "headrace.engine.memory",
    "headrace.engine.serialization",
    "headrace.engine.task_calls",
    "headrace.engine.validation",
    "headrace.flow_runs",
    "headrace.flows",
    "headrace.logging",
    "headrace.task_runners",
    "headrace.tasks",
    "concurrent.futures.thread",
    "zlib",
)
_LATE_OF_TABLE = ("asyncio", "inspect", "md5")
_ID = "00000000-0000-7000-8000-000000000000"
_TIME = "2026-01-01T00:00:00.000000Z"

_decoder = msgspec.json.Decoder(ClaimedRun)


def execute_claim(claim: bytes) -> bool:
    """Run a claimed run to its end; true when the API knows how it ended.

    Args:
        claim: A `ClaimedRun`, JSON.
    """
    hold_back()
    if not keep_or_forget():  # the run's directory or environment has settings of its own
        unconfigure_logging()
    return execute_flow_run(_decoder.decode(claim)) == REPORTED


def when_long() -> None:
    """The run takes longer than most: its reports shall be seen while it lasts."""
    let_go()


def rehearse() -> None:
    """Do what runs do, so that they find it done."""
    rehearsal.rehearse(lambda claim: execute_flow_run(_decoder.decode(claim)))
    with contextlib.suppress(HeadraceError):
        if settings().api_url:
            default_client()


def _make_ready() -> None:
    for name in LATE:
        importlib.import_module(name)
    for name in _LATE_OF_TABLE:
        importlib.import_module(HEAVY[name].partition(":")[0])
    encodings.idna.getregentry()  # sockets ask for it when they look up a host
    with contextlib.suppress(HeadraceError):  # each child tells of it in its own run
        read_ahead()
        if settings().api_url:
            configure_logging()
            default_client()
    run = {"id": _ID, "flow_id": _ID, "created": _TIME, "updated": _TIME}
    deployment = {**run, "name": "", "entrypoint": "a.py:a"}
    claim = {
        "flow_run": run,
        "flow_name": "",
        "epoch": 1,
        "lease_expires": _TIME,
        "deployment": deployment,
    }
    _decoder.decode(msgspec.json.encode(claim))
    msgspec.json.encode(SetFlowRunStateBody(state=StateCreate(type=StateType.RUNNING)))
    answer = {"status": "ACCEPT", "details": {"type": "accept_details"}, "state": None}
    decode(OrchestrationResult, Answer(200, {}, msgspec.json.encode(answer)), "")


_make_ready()
