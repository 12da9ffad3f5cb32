"""What the process of a run does: load the flow, run it, report how it ended.

A worker calls `execute_flow_run` in a forked child with the run it claimed. Elsewhere (a container,
a fresh interpreter) `python -m headrace.engine.execute` is started with `HEADRACE__FLOW_RUN_ID`.
"""

import logging
import os
import sys
from collections.abc import Callable, Generator
from typing import Any
from uuid import UUID

from headrace.client.deployments import read_deployment
from headrace.client.flow_runs import read_flow_run, update_flow_run
from headrace.engine.api import api, policy_of
from headrace.engine.commands import Command
from headrace.engine.drivers import drive, run_async
from headrace.engine.entrypoints import load_flow
from headrace.engine.flow_lifecycle import FLUSH_TIMEOUT, run_flow
from headrace.engine.names import render_run_name
from headrace.engine.proposals import Run, outlast, propose
from headrace.engine.reporting import flow_logger, flush_reports, prepare_reporting
from headrace.engine.sources import enter_source
from headrace.engine.termination import termination_raised
from headrace.errors import (
    Abort,
    HeadraceError,
    MissingFlowError,
    ParameterBindError,
    Pause,
    SignatureMismatchError,
)
from headrace.states import State, StateType, exception_to_failed_state
from headrace.wire.claims import ClaimedRun
from headrace.wire.flow_runs import FlowRunResponse, FlowRunUpdate

RUN_ID_VARIABLES = ("HEADRACE__FLOW_RUN_ID", "PREFECT__FLOW_RUN_ID")
EPOCH_VARIABLE = "HEADRACE__FLOW_RUN_EPOCH"
REPORTED = 0  # exit status: the server knows how the run ended, or that it is suspended
UNREPORTED = 1  # exit status: it does not; the worker says that the run crashed

_logger = logging.getLogger("headrace.engine")


def execute_flow_run(claimed: ClaimedRun) -> int:
    """Run a claimed run to its end in this process.

    Args:
        claimed: The run, its deployment and the epoch of its lease.

    Returns:
        The exit status for the process; see `REPORTED` and `UNREPORTED`.
    """
    return _execute(Run(claimed.flow_run, claimed.epoch, claimed.deployment))


def execute_flow_run_id(flow_run_id: UUID, epoch: int | None = None) -> int:
    """Run a run of which only the id is known. Returns as `execute_flow_run`.

    One that a worker claimed outlasts a server that is away before the run begins, as it does later;
    a person who runs one hears of it at once.
    """
    run = _read(flow_run_id, epoch) if epoch is None else drive(outlast(_read, flow_run_id, epoch))
    return _execute(run)


def _read(flow_run_id: UUID, epoch: int | None) -> Run:
    flow_run = read_flow_run(api(), flow_run_id)
    deployment = None
    if flow_run.deployment_id is not None:
        deployment = read_deployment(api(), flow_run.deployment_id)
    return Run(flow_run, epoch, deployment)


def execute_flow_of_run(flow_run: FlowRunResponse, entrypoint: str) -> int:
    """Run a run that no deployment made, by the flow at `entrypoint`. Returns as `execute_flow_run`."""
    return _execute(Run(flow_run, None, None), lambda: load_flow(entrypoint))


def _execute(run: Run, load: Callable[[], Any] | None = None) -> int:
    prepare_reporting()
    try:
        with termination_raised():
            _run_to_end(run, load or (lambda: _load(run)))
    except (Abort, Pause) as signal:
        _logger.info("%s", signal)
    except HeadraceError as error:
        if run.state is None or not run.state.is_final():
            _logger.error("Run %s ended and could not be reported: %s", run.name, error)  # noqa: TRY400  # said in one line
            return UNREPORTED
    except BaseException as interruption:  # reported by the lifecycle, unless the server was away  # noqa: BLE001
        if run.state is None or not run.state.is_final():
            _logger.error("Run %s was stopped by %r", run.name, interruption)  # noqa: TRY400  # as above
            return UNREPORTED
    finally:
        flush_reports(FLUSH_TIMEOUT)
    return REPORTED


def _run_to_end(run: Run, load: Callable[[], Any]) -> None:
    try:
        flow = load()
    except Exception as error:  # a flow's file may raise anything  # noqa: BLE001
        flow_logger.error("The flow could not be loaded", exc_info=error, extra=run.ids)
        message = f"The flow could not be loaded. {type(error).__name__}: {error}"
        drive(propose(run, State(StateType.CRASHED, message=message)))
        return
    lifecycle = _lifecycle(flow, run)
    if flow.isasync:
        run_async(lifecycle)
    else:
        drive(lifecycle)


def _load(run: Run) -> Any:
    deployment = run.deployment
    if deployment is None or not deployment.entrypoint:
        message = "The run has no deployment with an entrypoint, so its flow cannot be found."
        raise MissingFlowError(message)
    enter_source(deployment, run)
    return load_flow(deployment.entrypoint)


def _lifecycle(flow: Any, run: Run) -> Generator[Command, Any, State | None]:
    try:
        parameters = flow.signature.from_mapping(run.flow_run.parameters)
    except (SignatureMismatchError, ParameterBindError) as error:
        return (yield from propose(run, exception_to_failed_state(error)))
    yield from _complete(flow, run, parameters)
    return (yield from run_flow(flow, run, parameters))


def _complete(flow: Any, run: Run, parameters: dict[str, Any]) -> Generator[Command, Any, None]:
    """Tell the server what only the flow's code knows: its retries, and the run's name."""
    flow_run = run.flow_run
    update = FlowRunUpdate()
    is_needed = False
    if flow.retries and not flow_run.empirical_policy.retries:
        policy = policy_of(flow)
        policy.pause_keys = flow_run.empirical_policy.pause_keys
        policy.resuming = flow_run.empirical_policy.resuming
        update.empirical_policy = flow_run.empirical_policy = policy
        update.flow_version = flow.version
        is_needed = True
    if flow.flow_run_name is not None and flow_run.run_count == 0:
        flow_run.name = update.name = render_run_name(flow.flow_run_name, parameters, run.name)
        is_needed = True
    if is_needed:
        yield from outlast(update_flow_run, api(), flow_run.id, update, run.epoch)


def main(run_id: str | None = None) -> int:
    """The program: run the run that is given, or that the environment names; the exit status."""
    if run_id is None:
        run_id = next((os.environ[name] for name in RUN_ID_VARIABLES if os.environ.get(name)), None)
    if run_id is None:
        sys.stderr.write(f"Set {RUN_ID_VARIABLES[0]} to the id of the run to execute.\n")
        return 2
    epoch = os.environ.get(EPOCH_VARIABLE)
    try:
        return execute_flow_run_id(UUID(run_id), int(epoch) if epoch else None)
    except (HeadraceError, ValueError) as error:
        sys.stderr.write(f"Flow run {run_id} could not be executed: {error}\n")
        return UNREPORTED


if __name__ == "__main__":
    sys.exit(main())
