"""`headrace events …`."""

import sys
from collections.abc import Generator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TextIO
from uuid import uuid4

import click
import msgspec

from headrace._bindings import load
from headrace.cli.documents import read_object
from headrace.cli.groups import Group
from headrace.cli.output import done, hint
from headrace.cli.session import connect
from headrace.client import events as api
from headrace.wire.events import Event, ReceivedEvent

RESOURCE_ID = "prefect.resource.id"  # the label on the wire that every resource has


@click.group(cls=Group)
def events() -> None:
    """Send events, and watch them as they come."""


@events.command()
@click.argument("event")
@click.option(
    "--resource", "-r", "labels", multiple=True, metavar="KEY=VALUE",
    help="A label of the resource, or a JSON object of labels; repeatable.",
)  # fmt: skip
@click.option("--resource-id", help=f"The resource's id: short for --resource {RESOURCE_ID}=…")
@click.option("--related", metavar="JSON", help="A list of related resources.")
@click.option("--payload", "-p", metavar="JSON", help="What else is to be told, a JSON object.")
def emit(
    event: str,
    labels: tuple[str, ...],
    resource_id: str | None,
    related: str | None,
    payload: str | None,
) -> None:
    """Send one event."""
    resource = _labels(labels)
    if resource_id:
        resource[RESOURCE_ID] = resource_id
    if RESOURCE_ID not in resource:
        message = f"say what the event is about: --resource-id ID, or --resource {RESOURCE_ID}=ID"
        raise click.UsageError(message)
    sent = Event(
        id=uuid4(),
        event=event,
        occurred=datetime.now(UTC),
        resource=resource,
        related=_related(related) if related else [],
        payload=read_object(payload, "--payload") if payload else {},
    )
    api.create_events(connect(), [sent])
    done(f"event {event} sent, id {sent.id}")


@events.command()
@click.option(
    "--format", "form", type=click.Choice(["json", "text"]), default="json",
    help="A JSON document a line, or a line for people.",
)  # fmt: skip
@click.option(
    "--output-file", type=click.Path(dir_okay=False, path_type=Path), help="Append them to a file."
)
@click.option("--account", is_flag=True, help="Of the contract; a server has one account.")
@click.option("--run-once", is_flag=True, help="Leave after the first.")
def stream(form: str, output_file: Path | None, *, account: bool, run_once: bool) -> None:
    """Print events as they come, until Ctrl-C."""
    del account
    client = connect()
    with (
        _sink(output_file) as sink,
        load("headrace.client.subscriptions:subscribe_events")(client) as subscription,
    ):
        subscription.connect()
        hint("Waiting for events; Ctrl-C ends it.")
        for event in subscription:
            sink.write(f"{_line(event, form)}\n")
            sink.flush()
            if run_once:
                return


@contextmanager
def _sink(path: Path | None) -> Generator[TextIO]:
    if path is None:
        yield sys.stdout
        return
    with path.open("a", encoding="utf-8") as file:
        yield file


def _line(event: ReceivedEvent, form: str) -> str:
    if form == "json":
        return msgspec.json.encode(event).decode()
    moment = event.occurred.astimezone().strftime("%H:%M:%S.%f")[:-3]
    resource: dict[str, Any] = dict(event.resource)
    name = resource.get("prefect.resource.name")
    return f"{moment} {event.event} {resource.get(RESOURCE_ID, '')}{f' ({name})' if name else ''}"


def _labels(given: tuple[str, ...]) -> dict[str, str]:
    labels: dict[str, str] = {}
    for text in given:
        if text.lstrip().startswith("{"):
            labels |= {k: str(v) for k, v in read_object(text, "--resource").items()}
            continue
        name, equals, value = text.partition("=")
        if not equals:
            message = f"--resource must look like key=value or be a JSON object, not {text!r}"
            raise click.UsageError(message)
        labels[name] = value
    return labels


def _related(text: str) -> list[dict[str, str]]:
    try:
        if text.lstrip().startswith("{"):
            return [msgspec.json.decode(text, type=dict[str, str])]
        return msgspec.json.decode(text, type=list[dict[str, str]])
    except (msgspec.DecodeError, msgspec.ValidationError) as error:
        message = f"--related must be a list of objects of labels: {error}"
        raise click.UsageError(message) from error
