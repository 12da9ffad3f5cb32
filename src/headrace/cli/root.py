"""The root of the command line, its exit codes and its one way of reporting an error."""

import os
import sys

import click

from headrace import __version__
from headrace.cli.groups import LazyGroup, set_prompt
from headrace.errors import HeadraceError
from headrace.settings import settings

FAILED = 1
USAGE = 2
INTERRUPTED = 130  # 128 + SIGINT, as shells report it

COMMANDS = {
    "api": ("headrace.cli.api:api", "Send any request to the API."),
    "artifact": ("headrace.cli.artifact:artifact", "Look at what runs left behind for people."),
    "block": ("headrace.cli.block:block", "Keep configuration and secrets under a name."),
    "completion": ("headrace.cli.completion:completion", "Complete commands in a shell."),
    "concurrency-limit": (
        "headrace.cli.concurrency_limit:concurrency_limit",
        "Limit how many task runs of a tag run at once.",
    ),
    "config": ("headrace.cli.config:config", "View and change settings."),
    "dashboard": ("headrace.cli.dashboard:dashboard", "Open the web page of the server."),
    "demo": (
        "headrace.cli.demo:demo",
        "Run the example pipeline from nothing to an approved model.",
    ),
    "deploy": ("headrace.cli.deploy:deploy", "Deploy flows, from a file or by options."),
    "deployment": ("headrace.cli.deployment:deployment", "Work with deployments and run them."),
    "doctor": ("headrace.cli.doctor:doctor", "Say what is wrong here, and what to do."),
    "events": ("headrace.cli.events:events", "Send events, and watch them as they come."),
    "flow": ("headrace.cli.flow:flow", "List and serve flows."),
    "flow-run": ("headrace.cli.flow_run:flow_run", "Watch, inspect, cancel and resume flow runs."),
    "global-concurrency-limit": (
        "headrace.cli.global_concurrency_limit:global_concurrency_limit",
        "Limits by name, for runs and for code that asks for a slot.",
    ),
    "image": ("headrace.cli.image:image", "Make images for container pools."),
    "init": ("headrace.cli.init:init", "Begin a project: write its deployment file."),
    "profile": ("headrace.cli.profile:profile", "Keep sets of settings under a name."),
    "server": ("headrace.cli.server:server", "Start, stop and look after a server."),
    "shell": ("headrace.cli.shell:shell", "Run shell commands as flows."),
    "task": ("headrace.cli.task:task", "Serve background tasks."),
    "task-run": ("headrace.cli.task_run:task_run", "Inspect task runs."),
    "transfer": ("headrace.cli.transfer:transfer", "Copy what one server keeps to another."),
    "variable": ("headrace.cli.variable:variable", "Read and write variables."),
    "version": ("headrace.cli.version:version", "Versions of Headrace and what it stands on."),
    "work-pool": ("headrace.cli.work_pool:work_pool", "Work with work pools."),
    "work-queue": ("headrace.cli.work_queue:work_queue", "Work with the queues of work pools."),
    "worker": ("headrace.cli.worker:worker", "Start workers."),
}


@click.group(
    cls=LazyGroup,
    commands_table=COMMANDS,
    context_settings={"help_option_names": ["--help", "-h"], "max_content_width": 100},
)
@click.option("--profile", "-p", metavar="NAME", help="Use the settings of this profile.")
@click.option(
    "--prompt/--no-prompt",
    default=None,
    expose_value=False,
    callback=set_prompt,
    help="Ask for what is missing, or never ask. By default: only at a terminal.",
)
@click.version_option(__version__, "--version", "-v", message="%(version)s")
@click.pass_context
def root(ctx: click.Context, profile: str | None) -> None:
    """Headrace runs Python functions where they should run, and shows how it went."""
    if profile:
        os.environ["HEADRACE_PROFILE"] = profile
    ctx.color = _colours()
    ctx.ensure_object(dict)


def main(arguments: list[str] | None = None) -> None:
    """Run a command and exit: 0 done, 1 failed, 2 wrong usage, 130 interrupted."""
    try:
        code = root.main(arguments, prog_name="headrace", standalone_mode=False)
        sys.stdout.flush()
        sys.exit(code if isinstance(code, int) else 0)
    except click.exceptions.Exit as done:
        sys.exit(done.exit_code)
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.format_message())
        sys.exit(USAGE)
    except click.UsageError as error:
        where = f". See '{error.ctx.command_path} --help'" if error.ctx else ""
        _complain(f"{error.format_message().rstrip('.')}{where}.")
        sys.exit(USAGE)
    except click.ClickException as error:
        _complain(error.format_message())
        sys.exit(error.exit_code)
    except HeadraceError as error:
        _complain(str(error))
        sys.exit(FAILED)
    except (KeyboardInterrupt, click.Abort):
        _complain("interrupted")
        sys.exit(INTERRUPTED)
    except BrokenPipeError:  # the reader, `head` say, has enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(FAILED)
    except Exception as error:  # the edge of the program
        if _is_debugging():
            raise
        _complain(_fault(error))
        sys.exit(FAILED)


def _colours() -> bool | None:
    """False where nobody wants colours; None leaves them to terminals.

    `NO_COLOR` is the convention of no-color.org: it counts when it is not empty.
    """
    if os.environ.get("NO_COLOR"):
        return False
    try:
        return None if not sys.stdout.isatty() or settings().cli_colors else False
    except HeadraceError:  # told by whatever needs the settings
        return None


def _is_debugging() -> bool:
    try:
        return settings().debug_mode
    except HeadraceError:
        return False


def _fault(error: Exception) -> str:
    """One line for what the system refused, or for a fault of ours."""
    if isinstance(error, OSError):
        where = f"{error.filename}: " if error.filename else ""
        return f"{where}{error.strerror or error}"
    return (
        f"a fault of Headrace's own, {type(error).__name__}: {error}; "
        "HEADRACE_DEBUG_MODE=true shows where it was"
    )


def _complain(message: str) -> None:
    mark = click.style("Error:", fg="red", bold=True)
    click.echo(f"{mark} {' '.join(message.split())}", err=True, color=_colours())
