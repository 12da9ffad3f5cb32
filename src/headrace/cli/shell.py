"""`headrace shell …`: shell commands as flow runs."""

import click

from headrace._bindings import load
from headrace.cli.groups import Group
from headrace.cli.output import done
from headrace.cli.root import FAILED

FLOW = "headrace.shell_flows:run_shell_command"
_stream = click.option(
    "--stream-stdout/--no-stream-stdout", default=True, help="Pass on what the command prints."
)


@click.group(cls=Group)
def shell() -> None:
    """Run shell commands as flows."""


@shell.command()
@click.argument("command")
@click.option("--log-output/--no-log-output", default=True, help="Keep what it prints as logs.")
@click.option("--flow-run-name", help="The run's name.")
@click.option("--flow-name", default="Shell Command", show_default=True, help="The flow's name.")
@_stream
@click.option("--tag", "tags", multiple=True, help="A tag of the run; repeatable.")
def watch(
    command: str,
    flow_run_name: str | None,
    flow_name: str,
    tags: tuple[str, ...],
    *,
    log_output: bool,
    stream_stdout: bool,
) -> None:
    """Run a command here and now, as a flow run; exit code 1 when the command fails."""
    flow = load(FLOW).with_options(name=flow_name, flow_run_name=flow_run_name)
    with load("headrace.context:tags")(*tags):
        state = flow(command, log_output, stream_stdout, return_state=True)
    if not state.is_completed():
        raise click.exceptions.Exit(FAILED)
    done(f"{state.name}")


@shell.command()
@click.argument("command")
@click.option("--flow-name", required=True, help="The flow's name.")
@click.option("--deployment-name", default="CLI Runner Deployment", show_default=True)
@click.option("--tag", "tags", multiple=True, help="A tag of the deployment; repeatable.")
@click.option("--log-output/--no-log-output", default=True, help="Keep what it prints as logs.")
@_stream
@click.option("--cron-schedule", help="When it runs by itself, a cron expression.")
@click.option("--timezone", help="The schedule's time zone, as Europe/Berlin.")
@click.option("--concurrency-limit", type=click.IntRange(min=1), help="Runs at one time.")
@click.option("--run-once", is_flag=True, help="Run it now and leave, instead of serving it.")
def serve(
    command: str,
    flow_name: str,
    deployment_name: str,
    tags: tuple[str, ...],
    cron_schedule: str | None,
    timezone: str | None,
    concurrency_limit: int | None,
    *,
    log_output: bool,
    stream_stdout: bool,
    run_once: bool,
) -> None:
    """Make a command a deployment, and run what is scheduled of it here until Ctrl-C."""
    flow = load(FLOW).with_options(name=flow_name)
    parameters = {
        "command": command, "log_output": log_output, "stream_stdout": stream_stdout
    }  # fmt: skip
    if run_once:
        with load("headrace.context:tags")(*tags):
            state = flow(**parameters, return_state=True)
        if not state.is_completed():
            raise click.exceptions.Exit(FAILED)
        return
    schedule = None
    if cron_schedule:
        schedule = load("headrace.schedules:Cron")(cron_schedule, timezone=timezone)
    flow.serve(
        deployment_name,
        parameters=parameters,
        schedule=schedule,
        tags=list(tags),
        limit=concurrency_limit,
        entrypoint_type="module_path",
    )
