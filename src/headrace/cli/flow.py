"""`headrace flow …`."""

import click

from headrace.cli.output import OutputFormat, ago, output_option, show_list
from headrace.cli.session import connect
from headrace.client import flows
from headrace.wire.flows import Flow, FlowSort, ReadFlowsBody

PAGE = 200  # what the API gives at most in one list


@click.group()
def flow() -> None:
    """List flows."""


@flow.command(name="ls")
@click.option("--limit", type=click.IntRange(min=1), default=15, help="How many at most.")
@output_option
def list_(limit: int, output: OutputFormat) -> None:
    """List flows, the newest first."""
    client = connect()
    found: list[Flow] = []
    while len(found) < limit:
        size = min(PAGE, limit - len(found))
        body = ReadFlowsBody(limit=size, offset=len(found), sort=FlowSort.CREATED_DESC)
        page = flows.list_flows(client, body)
        found += page
        if len(page) < size:
            break
    rows = [[f.name, ago(f.created), f.id] for f in found]
    empty = "There are no flows yet: run one, or deploy one."
    show_list(["name", "created", "id"], rows, output, whole=found, empty=empty)
