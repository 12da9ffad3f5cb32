"""Sending the recorder's records in batches, and what a refusal of one means for the others."""

from __future__ import annotations

from typing import TYPE_CHECKING

from headrace.client.events import create_events
from headrace.client.logs import create_logs
from headrace.errors import (
    Conflict,
    Forbidden,
    HeadraceError,
    NotImplementedYet,
    ObjectNotFound,
    Unauthorized,
    UnexpectedAnswer,
    ValidationFailed,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from headrace.client import Client
    from headrace.engine.spool import Entry

EVENT = b"e"
LOG = b"l"
BATCH_RECORDS = 500  # records a request: one short transaction of the server
EVENTS_SIZE = 1_000_000  # bytes of events a request
REFUSALS = (ValidationFailed, Conflict, UnexpectedAnswer)
"""The server looked at the batch and will never take it: some record of it is to blame."""

NOT_OURS_TO_DROP = (Unauthorized, Forbidden, ObjectNotFound, NotImplementedYet)
"""The address or the key is wrong, not the records: they are kept until that is put right."""


class Undelivered(Exception):
    """The API cannot take records now. `reason` is the error; `permanent` ones need a person."""

    def __init__(self, reason: HeadraceError) -> None:
        self.reason = reason
        self.needs_person = isinstance(reason, NOT_OURS_TO_DROP)
        super().__init__(str(reason))


def batches(entries: list[Entry], logs_size: int) -> Iterator[list[Entry]]:
    """Cut records into requests: events first, each kind in order, bounded in number and bytes."""
    for kind, bound in ((EVENT, EVENTS_SIZE), (LOG, logs_size)):
        batch: list[Entry] = []
        size = 0
        for entry in entries:
            if entry.kind != kind:
                continue
            if batch and (len(batch) >= BATCH_RECORDS or size + len(entry.body) > bound):
                yield batch
                batch, size = [], 0
            batch.append(entry)
            size += len(entry.body)
        if batch:
            yield batch


class Delivery:
    """Sends batches to one API.

    Args:
        client: The API.
        timeout: Seconds for one request.
        refused: Called with a record that the server refuses for what it is, and the error.
    """

    def __init__(
        self, client: Client, timeout: float, refused: Callable[[Entry, HeadraceError], None]
    ) -> None:
        self._client = client
        self._timeout = timeout
        self._refused = refused

    def send(self, batch: list[Entry]) -> None:
        """Send one batch; it is acknowledged when this returns.

        A batch that is refused for what is in it is halved until the record to blame is found.

        Raises:
            Undelivered: The API cannot take it now.
        """
        body = b"[" + b",".join(entry.body for entry in batch) + b"]"
        create = create_events if batch[0].kind == EVENT else create_logs
        try:
            create(self._client, body, timeout=self._timeout, attempts=0)
        except REFUSALS as error:
            if len(batch) == 1:
                self._refused(batch[0], error)
                return
            middle = len(batch) // 2
            self.send(batch[:middle])
            self.send(batch[middle:])
        except HeadraceError as error:
            raise Undelivered(error) from error
