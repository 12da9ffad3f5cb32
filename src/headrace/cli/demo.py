"""`headrace demo`."""

import contextlib
import os
import shlex
from collections.abc import Generator
from pathlib import Path
from typing import Any

import click
import msgspec

from headrace.cli import approval, demo_stage
from headrace.cli.demo_stage import Stage
from headrace.cli.output import OutputFormat, done, hint, output_option, print_json, show
from headrace.cli.root import FAILED
from headrace.cli.runs import follow, is_over, print_log, print_state
from headrace.cli.session import may_ask
from headrace.client import flow_runs, task_runs, variables
from headrace.client.pages import PAGE
from headrace.demo import VARIABLE
from headrace.errors import ObjectNotFound
from headrace.settings import settings
from headrace.wire.filters import TaskRunFilter, TaskRunFilterFlowRunId
from headrace.wire.flow_runs import FlowRunResponse
from headrace.wire.logs import Log
from headrace.wire.states import StateType
from headrace.wire.task_runs import ReadTaskRunsBody

APPROVED = {"promote": True, "reason": "approved with --yes"}


@click.command()
@click.option(
    "--directory",
    "-d",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("headrace-demo"),
    help="Where the demo keeps everything.",
)
@click.option("--yes", "-y", is_flag=True, help="Approve the challenger without asking.")
@output_option
def demo(directory: Path, *, yes: bool, output: OutputFormat) -> None:
    """Run the example pipeline from nothing to an approved model.

    Starts a server and a worker in a directory, runs the pipeline, asks before a model is promoted,
    and stops both again. Run it once more to go on where it stopped.
    """
    demo_stage.check_extra()
    place = directory.absolute()
    demo_stage.claim_directory(place)
    talk = _Talk(output)
    with demo_stage.stage_in(place) as stage:
        talk.done(f"server at {stage.server.url}, database {place / 'headrace.db'}")
        deployment_id = demo_stage.deploy(stage)
        worker_pid = demo_stage.start_worker(stage)
        talk.done(f"work pool '{demo_stage.POOL}' with a worker (process {worker_pid})")
        with _cleared(stage, worker_pid, talk) as keep:
            run = demo_stage.find_open_run(stage, deployment_id)
            if run is None:
                run = demo_stage.trigger(stage, deployment_id)
                talk.done(
                    f"run '{run.name}' of {demo_stage.FLOW}/{demo_stage.DEPLOYMENT} triggered"
                )
            else:
                talk.done(f"run '{run.name}' goes on: it is {run.state_name}")
            last = _play(stage, run, talk, yes=yes)
            report = _report(stage, last)
            if not is_over(last):
                keep.append(True)
                report["approve"] = _how_to_approve(stage, last)
    _tell(report, place, output)
    if last.state_type is not StateType.COMPLETED and is_over(last):
        raise click.exceptions.Exit(FAILED)


class _Talk:
    """What is said on the way; nothing where a program reads."""

    def __init__(self, output: OutputFormat) -> None:
        self.is_silent = output is OutputFormat.JSON

    def done(self, message: str) -> None:
        if not self.is_silent:
            done(message)

    def log(self, entry: Log) -> None:
        if not self.is_silent:
            print_log(entry)

    def state(self, run: FlowRunResponse) -> None:
        if not self.is_silent:
            print_state(run)


@contextlib.contextmanager
def _cleared(stage: Stage, worker_pid: int, talk: _Talk) -> Generator[list[bool]]:
    """Stops worker and server at the end, unless something was put into the list it gives."""
    keep: list[bool] = []
    try:
        yield keep
    except (KeyboardInterrupt, click.Abort):
        hint("Stopping the worker and the server; run the demo again to go on.")
        raise
    finally:
        if not keep:
            demo_stage.clear(stage, worker_pid, settings())
            talk.done("worker and server stopped")


def _play(stage: Stage, run: FlowRunResponse, talk: _Talk, *, yes: bool) -> FlowRunResponse:
    """Follow the run to its end, or to an approval that nobody here can give."""
    seen = 0

    def on_log(entry: Log) -> None:
        nonlocal seen
        seen += 1
        talk.log(entry)

    while True:
        last = follow(
            stage.client,
            run.id,
            on_log=on_log,
            on_state=talk.state,
            until=_waits_or_is_over,
            skip_logs=seen,
        )
        if is_over(last):
            return last
        text, schema = approval.asked_of(stage.client, last)
        if not yes and not (may_ask() and not talk.is_silent):
            return last
        if text and not talk.is_silent:
            click.echo(text)
        answers = APPROVED if yes else approval.ask(schema or {})
        approval.resume(stage.client, last, answers)
        talk.done(f"answered: {msgspec.json.encode(answers).decode()}")


def _waits_or_is_over(run: FlowRunResponse) -> bool:
    return is_over(run) or run.state_type is StateType.PAUSED


def _how_to_approve(stage: Stage, run: FlowRunResponse) -> str:
    return (
        f"HEADRACE_API_URL={stage.server.url} {_program()} flow-run resume {run.id} "
        "--input promote=true --input reason=ok"
    )


def _report(stage: Stage, run: FlowRunResponse) -> dict[str, Any]:
    client = stage.client
    only = TaskRunFilter(flow_run_id=TaskRunFilterFlowRunId(any_=[run.id]))
    tasks = task_runs.list_task_runs(client, ReadTaskRunsBody(task_runs=only, limit=PAGE))
    states = flow_runs.read_flow_run_states(client, run.id)
    try:
        champion = variables.read_variable_by_name(client, VARIABLE).value
    except ObjectNotFound:
        champion = None
    return {
        "flow_run": {"id": str(run.id), "name": run.name, "state": run.state_name},
        "states": [state.name for state in states],
        "tasks": len(tasks),
        "retried": [task.name for task in tasks if task.run_count > 1],
        "champion": champion,
        "server": stage.server.url,
    }


def _program() -> str:
    """How this program was called, for the lines that a person is to type next."""
    return "uv run headrace" if "UV_RUN_RECURSION_DEPTH" in os.environ else "headrace"


def _tell(report: dict[str, Any], directory: Path, output: OutputFormat) -> None:
    place = shlex.quote(str(directory))
    reopen = f"HEADRACE_HOME={place} {_program()} server start"
    delete = f"rm -r {place}"
    if output is OutputFormat.JSON:
        print_json({**report, "directory": str(directory), "reopen": reopen, "delete": delete})
        return
    click.echo()
    run, champion = report["flow_run"], report["champion"]
    fields: dict[str, Any] = {
        "run": f"{run['name']} ({run['id']})",
        "states": " → ".join(str(name) for name in report["states"]),
        "tasks": f"{report['tasks']}, retried: {', '.join(report['retried']) or 'none'}",
    }
    if champion:
        fields["champion"] = f"accuracy {champion['accuracy']:.1%}, in {champion['path']}"
    show(fields, output)
    if "approve" in report:
        click.echo("\nThe run waits for approval; server and worker keep running. Approve it with")
        click.echo(
            f"  {report['approve']}\nor go on here with\n  {_program()} demo -d {place} --yes"
        )
    click.echo(f"\nLook at it again:  {reopen}\nDelete it:         {delete}")
